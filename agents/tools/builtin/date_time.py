"""The date and the time, which models do not know, and arithmetic with dates, which they get wrong."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agents.tools.base import Tool, ToolContext, ToolProblem, ToolResult, ToolSpec

_AMOUNTS = ("years", "months", "weeks", "days", "hours", "minutes")
_LIMIT = 1_000_000
_ZONE = {"type": "string", "maxLength": 64, "description": "IANA time zone, such as Europe/Berlin. UTC if left out."}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ToolProblem(f'There is no time zone "{name}". Use an IANA name such as Europe/Berlin or UTC.') from None


def _show(moment: datetime) -> str:
    return f"{moment:%A}, {moment.isoformat(timespec='seconds')} ({moment.tzname()}), week {moment.isocalendar().week}"


def shift(moment: datetime, amounts: Mapping[str, int]) -> datetime:
    """`moment` moved by calendar amounts; a day that the target month lacks becomes its last. Keeps the wall clock for
    days and longer, counts real time for hours and minutes."""
    months = moment.month - 1 + amounts.get("months", 0) + 12 * amounts.get("years", 0)
    year, month = moment.year + months // 12, months % 12 + 1
    try:
        day = min(moment.day, calendar.monthrange(year, month)[1])
        moved = moment.replace(year=year, month=month, day=day)
        moved += timedelta(weeks=amounts.get("weeks", 0), days=amounts.get("days", 0))
        exact = timedelta(hours=amounts.get("hours", 0), minutes=amounts.get("minutes", 0))
        return (moved.astimezone(UTC) + exact).astimezone(moment.tzinfo)
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        raise ToolProblem("The result lies outside the years 1 to 9999.") from None


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 date or date and time; without an offset it is wall clock in `zone`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ToolProblem(f'"{text[:60]}" is not an ISO 8601 date such as 2026-01-31 or 2026-01-31T08:00.') from None
    try:
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except OverflowError:
        raise ToolProblem("The date lies outside the years 1 to 9999.") from None


class CurrentDateTime:
    """What time it is somewhere."""

    spec = ToolSpec(
        name="current_date_time",
        title="Date and time",
        description="Tell the current date, time, weekday and week number in a time zone.",
        parameters={"type": "object", "properties": {"time_zone": _ZONE}, "additionalProperties": False},
        effect="read",
        timeout=5,
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult(_show(context.now.astimezone(_zone(arguments.get("time_zone", "UTC")))))


class DateArithmetic:
    """Moves a date, or counts between two."""

    spec = ToolSpec(
        name="date_arithmetic",
        title="Date arithmetic",
        description="Add or subtract time from a date, or count the days between two dates (give `until`).",
        parameters={
            "type": "object",
            "properties": {
                "start": {
                    "type": "string",
                    "maxLength": 64,
                    "description": "ISO 8601 date or date and time, or 'now'.",
                },
                "until": {"type": "string", "maxLength": 64, "description": "Count from `start` to this date."},
                "time_zone": _ZONE,
                **{unit: {"type": "integer", "minimum": -_LIMIT, "maximum": _LIMIT} for unit in _AMOUNTS},
            },
            "required": ["start"],
            "additionalProperties": False,
        },
        effect="read",
        timeout=5,
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        zone = _zone(arguments.get("time_zone", "UTC"))
        start = self._moment(arguments["start"], zone, context)
        amounts = {unit: int(arguments[unit]) for unit in _AMOUNTS if unit in arguments}
        moved = shift(start, amounts) if amounts else start
        if "until" not in arguments:
            return ToolResult(_show(moved))
        until = self._moment(arguments["until"], zone, context)
        days = (_day(until) - _day(moved)).days
        hours = (until - moved).total_seconds() / 3600
        return ToolResult(f"{days} days ({hours:g} hours) from {_show(moved)} to {_show(until)}")

    def _moment(self, text: str, zone: ZoneInfo, context: ToolContext) -> datetime:
        return context.now.astimezone(zone) if text.strip().lower() == "now" else parse_moment(text, zone)


def _day(moment: datetime) -> date:
    return moment.date()


TOOLS: tuple[Tool, ...] = (CurrentDateTime(), DateArithmetic())
