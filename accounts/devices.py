"""What a sign-in was made with, in words, from what the program said of itself. A guess for people, never a proof."""

from __future__ import annotations

# The first that is found counts: most browsers also name those that they want to be taken for.
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Such as "Firefox on Linux"; the beginning of what it said if we do not know it."""
    program = next((name for mark, name in _PROGRAMS if mark.lower() in user_agent.lower()), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or user_agent[:60] or "Unknown device"
