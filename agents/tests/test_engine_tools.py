"""The built-in tools and the bounds around every tool."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.tools.base import ToolContext, ToolProblem, ToolResult, ToolSpec
from agents.tools.builtin.calculator import Calculator, calculate
from agents.tools.builtin.date_time import CurrentDateTime, DateArithmetic
from agents.tools.registry import DEFAULT_MODULES, ToolsMisconfigured, collect_tools
from agents.tools.wrappers import OUTPUT_LIMIT, call_tool

CONTEXT = ToolContext("call_1", "run_1", "wsp_1", "agt_1", None, datetime(2026, 1, 31, 12, tzinfo=UTC))


def call(tool: Any, **arguments: Any) -> ToolResult:
    return asyncio.run(call_tool(tool, arguments, CONTEXT))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", "14"),
        ("0.1 + 0.2", "0.3"),
        ("(1250 * 1.19) / 12", "123.958333333333333333333333333"),
        ("2^10", "1024"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("sqrt(2) ** 2", "2"),
        ("round(2.675, 2)", "2.68"),
        ("factorial(20)", "2432902008176640000"),
        ("1e3 + 1_000", "2000"),
        ("10 ** 100", "1E+100"),
        ("max(1, 2, 3)", "3"),
        ("sin(0)", "0"),
    ],
)
def test_calculator_is_exact(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('x')", "().__class__", "9**9**9**9", "9**1001", "2**1000**1000", "factorial(100000)",
        "'a'*10**9", "[1]*9", "(lambda: 1)()", "1 if 1 else 2", "1/0", "1//0", "5 % 0", "x", "1 +", "", "0x", "1j", "True",
        "(" * 300 + "1" + ")" * 300, "-" * 400 + "1", "sqrt(-1)", "ln(0)", "1e999999", "round(1, 10**9)", "exp(10000)",
        "1\x00", "f(1)", "print(1)", "sin(10**400)", "a.b", "1 if x", "factorial(1.5)", "min()", "((9**999)**999)**999",
    ],
)  # fmt: skip
def test_calculator_refuses_quickly_and_in_words(expression: str) -> None:
    begun = time.process_time()
    with pytest.raises(ToolProblem) as caught:
        calculate(expression)
    assert time.process_time() - begun < 0.2 and len(str(caught.value)) > 10


def test_current_time_in_a_zone() -> None:
    assert "Saturday, 2026-01-31T13:00:00+01:00" in call(CurrentDateTime(), time_zone="Europe/Berlin").text
    assert call(CurrentDateTime(), time_zone="Mars/Olympus").is_error
    assert call(CurrentDateTime(), time_zone="../../etc/passwd").is_error


def test_date_arithmetic() -> None:
    tool = DateArithmetic()
    assert "2026-02-28" in call(tool, start="2026-01-31", months=1).text
    assert "2024-02-29" in call(tool, start="2020-02-29", years=4).text
    assert call(tool, start="2026-01-01", until="2026-12-25").text.startswith("358 days")
    assert "2026-03-29T03:30:00+02:00" in call(tool, start="2026-03-29T01:30", hours=1, time_zone="Europe/Berlin").text
    for bad in ({"start": "soon"}, {"start": "now", "years": 900_000}, {"start": "0001-01-01", "days": -1}, {}):
        assert call(tool, **bad).is_error
    assert call(tool, start="now", days=1.5).is_error


class _Tool:
    def __init__(self, text: str = "", *, sleep: float = 0, error: Exception | None = None) -> None:
        self.spec = ToolSpec("probe", "Probe", "For tests.", {"type": "object"}, timeout=0.05)
        self._text, self._sleep, self._error = text, sleep, error

    async def call(self, arguments: Any, context: ToolContext) -> ToolResult:
        await asyncio.sleep(self._sleep)
        if self._error is not None:
            raise self._error
        return ToolResult(self._text)


def test_incident_3_24_bounds_around_a_tool() -> None:
    assert "0.05 seconds" in call(_Tool(sleep=5)).text
    assert len(call(_Tool("é" * 100_000)).text.encode()) <= OUTPUT_LIMIT
    assert call(_Tool("a\x00b\ud800")).text == "a\ufffdb\ufffd"
    failed = call(_Tool(error=RuntimeError("/secret/path")))
    assert failed.is_error and "secret" not in failed.text
    wrong = call(Calculator(), expression=5, more=1)
    assert wrong.is_error and "expression" in wrong.text


def test_the_registry_lists_what_it_was_told_and_refuses_doubles() -> None:
    assert list(collect_tools(DEFAULT_MODULES)) == ["current_date_time", "date_arithmetic", "calculator", "ask_person"]
    with pytest.raises(ToolsMisconfigured):
        collect_tools((DEFAULT_MODULES[0], DEFAULT_MODULES[0]))
    with pytest.raises(ToolsMisconfigured):
        collect_tools(("agents.tools.base",))
