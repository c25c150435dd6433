"""The tools that come with the product. All of them only read."""

from agents.tools.base import Tool
from agents.tools.builtin import ask_person, calculator, date_time

TOOLS: tuple[Tool, ...] = (*date_time.TOOLS, *calculator.TOOLS, *ask_person.TOOLS)
