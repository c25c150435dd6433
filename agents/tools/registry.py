"""Which tools exist. Modules named in settings.AGENT_TOOL_MODULES each hold a `TOOLS` sequence; nothing is discovered.

Must not know what any tool does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module

from django.conf import settings

from agents.tools.base import Tool

DEFAULT_MODULES = ("agents.tools.builtin",)
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")  # what every vendor accepts


class ToolsMisconfigured(RuntimeError):
    """A tool module is missing or two tools share a name: mend settings.AGENT_TOOL_MODULES. Raised at start."""


@cache
def registered_tools() -> Mapping[str, Tool]:
    """All tools by name, in the order of their modules."""
    return collect_tools(tuple(getattr(settings, "AGENT_TOOL_MODULES", DEFAULT_MODULES)))


def collect_tools(modules: Sequence[str]) -> Mapping[str, Tool]:
    tools: dict[str, Tool] = {}
    for module in modules:
        try:
            listed: Sequence[Tool] = import_module(module).TOOLS
        except (ImportError, AttributeError) as error:
            raise ToolsMisconfigured(f"{module} is not a module with TOOLS: {error}") from error
        for tool in listed:
            name = tool.spec.name
            if not _NAME.match(name):
                raise ToolsMisconfigured(f"{name!r} is not a tool name (a-z, 0-9 and _, at most 63).")
            if name in tools:
                raise ToolsMisconfigured(f"Two tools are called {name!r}.")
            tools[name] = tool
    return tools


def find_tool(name: str) -> Tool | None:
    return registered_tools().get(name)
