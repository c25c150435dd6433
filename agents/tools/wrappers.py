"""What every call gets around it: arguments checked, a time limit, an output limit, clean text, errors in words.

The loop does not know that any of this exists, and neither do the tools.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from agents.tools.base import Tool, ToolContext, ToolProblem, ToolResult
from core.text_policy import replace_bad

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

log = logging.getLogger(__name__)

#: The most that a result may hold, in bytes of UTF-8.
OUTPUT_LIMIT = 64 * 1024
_CUT = "\n[The output was cut here: it was longer than 64 KiB.]"
_NAMED_PROBLEMS = 5


async def call_tool(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    """Run one call within its bounds. Never raises but for cancellation."""
    problem = describe_problems(tool, arguments)
    if problem is not None:
        return ToolResult(problem, is_error=True)
    try:
        async with asyncio.timeout(tool.spec.timeout):
            result = await tool.call(arguments, context)
    except TimeoutError:
        return ToolResult(f"{tool.spec.name} did not finish within {tool.spec.timeout:g} seconds.", is_error=True)
    except ToolProblem as error:
        return ToolResult(fit_output(str(error)), is_error=True)
    except Exception:
        log.exception("tool %s failed in run %s, call %s", tool.spec.name, context.run, context.call)
        return ToolResult(f"{tool.spec.name} failed inside. The operator finds the reason in the log.", is_error=True)
    return ToolResult(fit_output(result.text), result.is_error)


def describe_problems(tool: Tool, arguments: Mapping[str, Any]) -> str | None:
    """What does not fit the tool's schema, for the model to mend; None when all fits."""
    errors = sorted(
        _validator(tool).iter_errors(dict(arguments)), key=lambda error: list(map(str, error.absolute_path))
    )
    if not errors:
        return None
    lines = []
    for error in errors[:_NAMED_PROBLEMS]:
        where = ".".join(str(part) for part in error.absolute_path) or "arguments"
        lines.append(f"{where}: {error.message[:200]}")
    return replace_bad(f"The arguments of {tool.spec.name} do not fit. " + "; ".join(lines))


def fit_output(text: str) -> str:
    """`text` with unstorable characters replaced, cut at a whole character to the output limit."""
    text = replace_bad(text)
    if len(text) * 4 <= OUTPUT_LIMIT:
        return text
    data = text.encode()
    if len(data) <= OUTPUT_LIMIT:
        return text
    return data[: OUTPUT_LIMIT - len(_CUT)].decode(errors="ignore") + _CUT


def _validator(tool: Tool) -> Validator:
    return _validator_of(orjson.dumps(tool.spec.parameters))


@lru_cache(maxsize=512)
def _validator_of(schema: bytes) -> Validator:
    from jsonschema import Draft202012Validator  # at first use: it costs start-up time

    return Draft202012Validator(orjson.loads(schema))
