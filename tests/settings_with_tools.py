"""The quickstart's settings with the tests' tools, for products that are started as processes of their own."""

from platform_site.settings.local import *  # noqa: F403
from platform_site.settings.local import AGENT_TOOL_MODULES as _OURS

AGENT_TOOL_MODULES = [*_OURS, "tests.toolbox"]
#: Crowds run with AAP_RATE_LIMITS=100, as one person starts hundreds of runs there; so many sockets are the usual number.
SOCKETS_PER_USER = 0.5
