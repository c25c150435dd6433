"""The quickstart's settings with the tests' tools, for products that are started as processes of their own."""

from platform_site.settings.local import *  # noqa: F403
from platform_site.settings.local import AGENT_TOOL_MODULES as _OURS

AGENT_TOOL_MODULES = [*_OURS, "tests.toolbox"]
