"""A person's own copy of everything: a ZIP of JSON and Markdown, written while it is being sent. Nothing is stored.

Must not know HTTP. Each piece is read in a visit of its own to the database, so that a large copy costs no more memory
than its largest conversation.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson
from django.db import close_old_connections, connection

from accounts.personal import profile_of
from agents.selectors.personal import agents_of, conversations_of, decisions_of, runs_elsewhere
from audit.selectors import entries_about
from core.clock import now, rfc3339
from llm_providers.selectors import usage_of_person

_README = """# Your data

A copy of what this installation of the AI Agentic Platform holds about you, made on {at}.

| File | What |
|---|---|
| `profile.json` | your name, e-mail address, workspaces, sign-ins, API tokens (never their secrets) and second factors |
| `conversations/…` | each of your chats, as Markdown to read and as JSON for programs |
| `runs-elsewhere.json` | what you said in other people's chats |
| `agents.json` | the agents that you own, with every published version |
| `decisions.json` | what you decided when a run asked |
| `usage.json` | tokens and cost of the model calls made for you |
| `audit.jsonl` | what you did, as the audit log has it |

Times are UTC. Nothing in here is needed to go on working; delete it when you have no more use for it.
"""


class _Pipe:
    """What zipfile writes to: kept until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def archive_of(user_id: str) -> Iterator[bytes]:
    """The ZIP, piece by piece."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:  # type: ignore[call-overload]
        for name, content in _files(user_id):
            archive.writestr(name, content)
            yield pipe.take()
            if connection.vendor != "sqlite" and not connection.in_atomic_block:
                close_old_connections()  # the next piece may be asked for on another thread
    yield pipe.take()


def _files(user_id: str) -> Iterator[tuple[str, bytes]]:
    yield "README.md", _README.format(at=rfc3339(now())).encode()
    yield "profile.json", _json(profile_of(user_id))
    for chat in conversations_of(user_id):
        name = f"conversations/{chat['created_at'][:10]}-{_slug(chat['title'])}-{chat['id'][-8:]}"
        yield f"{name}.json", _json(chat)
        yield f"{name}.md", _markdown(chat).encode()
    yield "runs-elsewhere.json", _json(list(runs_elsewhere(user_id)))
    yield "agents.json", _json(agents_of(user_id))
    yield "decisions.json", _json(decisions_of(user_id))
    yield "usage.json", _json(list(usage_of_person(user_id)))
    yield "audit.jsonl", b"".join(orjson.dumps(one) + b"\n" for one in entries_about(user_id))


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "chat"


def _markdown(chat: dict[str, Any]) -> str:
    lines = [f"# {chat['title'] or 'Chat'}", "", f"With {chat['agent']}, begun {chat['created_at']}.", ""]
    for message in chat["messages"]:
        lines += [f"## {message['role'].capitalize()}, {message['at']}", ""]
        for call in message["tool_calls"]:
            lines += [f"- tool `{call.get('name', '')}`: {call.get('outcome') or 'asked'}"]
        lines += [message["text"], ""]
    return "\n".join(lines)
