"""Arithmetic, exactly: an own parser over the syntax tree with a short list of what is allowed. Never `eval`.

Sizes are bounded before anything is computed, so that no expression can hold the processor or the memory.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, localcontext
from typing import Any

from agents.tools.base import Tool, ToolContext, ToolProblem, ToolResult, ToolSpec

MAX_LENGTH = 500
MAX_NODES = 200
MAX_EXPONENT = 1000
DIGITS = 50
MAX_MAGNITUDE = 10_000
"""The largest power of ten that a value may reach."""

_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_CONSTANTS = {"pi": Decimal("3.14159265358979323846264338327950288419716939937511"), "e": Decimal(1).exp()}
_REAL = {"sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan}


def calculate(expression: str) -> str:
    """The value of `expression` as plain digits. Raises ToolProblem with a sentence about what is wrong."""
    if len(expression) > MAX_LENGTH:
        raise ToolProblem(f"The expression is longer than {MAX_LENGTH} characters.")
    source = expression.strip().replace("^", "**").replace("×", "*").replace("÷", "/").replace("−", "-")
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ToolProblem("This is not an arithmetic expression. Example: (2 + 3) * 4 / 7") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ToolProblem("The expression has too many parts. Split it.")
    with localcontext(Context(prec=DIGITS, Emax=MAX_MAGNITUDE, Emin=-MAX_MAGNITUDE)):
        try:
            value = _value(tree.body, source)
        except ZeroDivisionError:
            raise ToolProblem("Division by zero.") from None
        except (DecimalException, ArithmeticError, ValueError):
            raise ToolProblem("This has no value as a real number, or it is too large.") from None
        return _show(value)


def _value(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            raise ToolProblem("Only numbers can be calculated with.")
        case ast.Constant(value=int() | float()):
            # The digits as they were written, not as a binary float holds them: 0.1 + 0.2 is 0.3.
            return +Decimal((ast.get_source_segment(source, node) or str(node.value)).replace("_", ""))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, source)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, source), _value(right, source))
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _floor_mod(_value(left, source), _value(right, source))[1]
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return _floor_mod(_value(left, source), _value(right, source))[0]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return +_OPERATORS[type(op)](_value(left, source), _value(right, source))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(name, [_value(argument, source) for argument in args])
    raise ToolProblem(
        "Only numbers, + - * / // % ** ( ), pi, e and sqrt abs round floor ceil min max ln log10 exp sin cos tan asin "
        "acos atan factorial are understood."
    )


def _floor_mod(left: Decimal, right: Decimal) -> tuple[Decimal, Decimal]:
    if right == 0:
        raise ZeroDivisionError
    quotient = (left / right).to_integral_value(rounding="ROUND_FLOOR")
    return quotient, left - quotient * right


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > MAX_EXPONENT:
        raise ToolProblem(f"Exponents may be at most {MAX_EXPONENT}.")
    return base**exponent


def _call(name: str, values: list[Decimal]) -> Decimal:
    match name, values:
        case "sqrt", [x]:
            return x.sqrt()
        case "abs", [x]:
            return abs(x)
        case "ln", [x]:
            return x.ln()
        case "log10", [x]:
            return x.log10()
        case "exp", [x] if abs(x) <= MAX_EXPONENT:
            return x.exp()
        case "floor", [x]:
            return x.to_integral_value(rounding="ROUND_FLOOR")
        case "ceil", [x]:
            return x.to_integral_value(rounding="ROUND_CEILING")
        case "round", [x]:
            return x.to_integral_value(rounding="ROUND_HALF_EVEN")
        case "round", [x, places] if places == places.to_integral_value() and abs(places) <= DIGITS:
            return x.quantize(Decimal(1).scaleb(-int(places)), rounding="ROUND_HALF_EVEN")
        case "min" | "max", [_, *_]:
            return min(values) if name == "min" else max(values)
        case "factorial", [x] if x == x.to_integral_value() and 0 <= x <= MAX_EXPONENT:
            return +Decimal(math.factorial(int(x)))
        case _, [x] if name in _REAL:
            return Decimal(repr(round(_REAL[name](float(x)), 15)))
    raise ToolProblem(f"{name[:40]} does not take these arguments, or is not known.")


def _show(value: Decimal) -> str:
    if not value.is_finite():
        raise ToolProblem("This has no value as a real number.")
    if value == 0:
        return "0"
    rounded = Context(prec=30).plus(value).normalize()
    if -20 <= rounded.adjusted() < 40:
        return format(rounded, "f")
    return format(rounded, "E")


class Calculator:
    """Works out one expression."""

    spec = ToolSpec(
        name="calculator",
        title="Calculator",
        description="Work out an arithmetic expression exactly. Use it for every calculation instead of guessing.",
        parameters={
            "type": "object",
            "properties": {
                "expression": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_LENGTH,
                    "description": "For example: (1250 * 1.19) / 12. Knows + - * / // % **, parentheses, pi, e, "
                    "sqrt, abs, round, floor, ceil, min, max, ln, log10, exp, sin, cos, tan, factorial.",
                }
            },
            "required": ["expression"],
            "additionalProperties": False,
        },
        effect="read",
        timeout=5,
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult(calculate(arguments["expression"]))


TOOLS: tuple[Tool, ...] = (Calculator(),)
