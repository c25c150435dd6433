"""A vendor's answer is foreign input: whatever its shape, it ends as events or as a ProviderError, never as a crash."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from core.egress.tests.listeners import Listener, listening, read_request, whole
from llm_providers.adapters.anthropic_events import MessagesEvents
from llm_providers.adapters.chat_events import ChatEvents
from llm_providers.adapters.ollama_events import OllamaEvents
from llm_providers.adapters.reading import Lines
from llm_providers.adapters.responses_events import ResponsesEvents
from llm_providers.connecting import _try
from llm_providers.errors import ProviderError
from llm_providers.protocol import Access, ReasoningDelta, TextDelta, ToolArgumentsDelta
from llm_providers.tests.dialects import DIALECTS, Dialect

ODD: list[Any] = [
    None, True, 0, -1, 1.5, 2**63, "", "x", "\ud800", "\0", [], [None], [[]], {}, {"x": 1}, {"type": 1}, [{}],
    [{"type": []}], {"text": {}}, "[DONE]", float(2**60),
]  # fmt: skip
MAKERS = {
    "openai": lambda: ResponsesEvents(model="m", name="V", api_key=None),
    "openai_compatible": lambda: ChatEvents(name="V", api_key=None),
    "anthropic": lambda: MessagesEvents(model="m", name="V", api_key=None),
    "ollama": lambda: OllamaEvents(name="V"),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))] if path or inner else [path]


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    value = copy.deepcopy(value)
    target = value
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = odd
    return value


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.kind)
def test_any_value_anywhere_in_a_stream(dialect: Dialect) -> None:
    chosen = random.Random(20261122)
    for parts in (dialect.call(), dialect.text(["a", "b"], thoughts=["c"])):
        lines = Lines(sse=dialect.kind != "ollama")
        objects = lines.feed(b"".join(parts))
        spots = [(number, path) for number, item in enumerate(objects) for path in places(item) if path]
        for number, path in spots:
            for odd in chosen.sample(ODD, 8):
                changed = list(objects)
                changed[number] = put(objects[number], path, odd)
                events = MAKERS[dialect.kind]()
                try:
                    got = [*events.feed(changed), *events.end()]
                except ProviderError:
                    continue
                for event in got:
                    if isinstance(event, TextDelta | ReasoningDelta | ToolArgumentsDelta):
                        assert event.text
                        event.text.encode()
                        assert "\0" not in event.text
                json.dumps(getattr(got[-1], "vendor_state", None)).encode()


@pytest.mark.parametrize("kind", ["ollama", "openai", "openai_compatible", "azure_openai", "anthropic"])
async def test_any_list_of_models(kind: str, settings: Any) -> None:
    bodies = [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"5",
        b"<html>",
        b"{",
        b"{}",
        b'{"data": null}',
        b'{"data": [1]}',
        b'{"data": {}}',
    ]
    bodies += [
        b'{"data": [{"id": 5}]}',
        b'{"data": [{"id": null}]}',
        b'{"models": null}',
        b'{"models": [1]}',
        b"\xff\xfe",
    ]
    bodies += [
        b'{"models": [{"model": 5}]}',
        b'{"data": [{"id": "a\\u0000b"}, {"id": "ok"}]}',
        b'{"data": ["x"]}',
        b"{" * 9000,
    ]

    body = b""

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(whole(body))

    async with listening(answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        named: Any = kind
        access = Access(kind=named, identity=f"hostile:{listener.port}", base_url=listener.url, api_key="k" * 20)
        for each in bodies:
            body = each
            report = await _try(access, 5)
            assert report.detail
            assert all(name.isprintable() for name in report.models)
