"""Production's settings with the tests' tools, for the shape of production as processes (tests/production)."""

from platform_site.settings.production import *  # noqa: F403
from platform_site.settings.production import AGENT_TOOL_MODULES as _OURS

AGENT_TOOL_MODULES = [*_OURS, "tests.toolbox"]
