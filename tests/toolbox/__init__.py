"""A tool whose effect can be counted from outside: it posts to the address in AAP_TEST_COUNTER, and must never do so twice
in silence. Only the settings of the tests list it."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from agents.tools.base import Tool, ToolContext, ToolResult, ToolSpec


class CountOnce:
    spec = ToolSpec(
        name="count_once",
        title="Count once",
        description="Count something at a service outside.",
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        effect="once",
        timeout=60,
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        await asyncio.to_thread(_post, context.call)
        return ToolResult(f"counted {context.call}")


def _post(call: str) -> None:
    body = json.dumps({"call": call}).encode()
    urllib.request.urlopen(os.environ["AAP_TEST_COUNTER"], body, timeout=60).close()


TOOLS: tuple[Tool, ...] = (CountOnce(),)
