"""What a tool is. A tool is code with a schema; approval, time limits and output limits are wrapped around it.

Must not know: the engine's loop, the journal, vendors, requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Effect = Literal["read", "idempotent", "once"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """`parameters` is a JSON Schema (2020-12) of an object. `timeout` is in seconds.

    `effect`: "read" changes nothing; "idempotent" may be repeated under the same call id; "once", the default, is never
    repeated when nobody knows whether it took effect. `asks`: a person answers; `call` is never called, and the arguments
    hold `question` and, if there are some to choose from, `options`.
    """

    name: str
    title: str
    description: str
    parameters: Mapping[str, Any]
    effect: Effect = "once"
    timeout: float = 30.0
    asks: bool = False


@dataclass(frozen=True, slots=True)
class ToolContext:
    """In whose name a call runs. `call` stays the same when a call is repeated; `now` is aware, in UTC."""

    call: str
    run: str
    workspace: str
    agent: str
    user: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads. With `is_error` the text says what to do better."""

    text: str
    is_error: bool = False


class Tool(Protocol):
    """One tool. `call` raises ToolProblem for what the model can mend, anything else is a defect and is logged."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult: ...


class ToolProblem(Exception):
    """The call cannot be done as asked; the message goes to the model."""
