"""A question to the person who started the run. The run waits, without a worker, for as long as the answer takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.tools.base import Tool, ToolContext, ToolResult, ToolSpec


class AskPerson:
    spec = ToolSpec(
        name="ask_person",
        title="Ask the person",
        description=(
            "Ask the person you work for a question and wait for the answer. Use it when you cannot go on without "
            "knowing something that only they know or may decide. Offer `options` when there are a few clear answers."
        ),
        parameters={
            "type": "object",
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": 4000},
                "options": {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": 200},
                    "maxItems": 10,
                    "description": "Answers to choose from. The person may also write something else.",
                },
            },
            "required": ["question"],
            "additionalProperties": False,
        },
        effect="read",
        asks=True,
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        raise NotImplementedError("a person answers")


TOOLS: tuple[Tool, ...] = (AskPerson(),)
