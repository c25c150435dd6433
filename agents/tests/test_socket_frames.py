"""What the socket takes: the table of frame types is the whole of it, and nothing else passes."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from agents.ws import messages as m
from agents.ws.origin import may_connect
from agents.ws.routing import websocket_application

GOOD: dict[str, tuple[dict[str, Any], Any]] = {
    "authenticate": ({"token": "abc"}, m.Authenticate("abc")),
    "subscribe": ({"run": "run_1", "after_seq": 3}, m.SubscribeRun("run_1", 3)),
    "unsubscribe": ({"topic": "runs:north"}, m.Unsubscribe(topic="runs:north")),
    "ping": ({}, m.Ping()),
}


def test_every_frame_type_has_a_row_and_a_reader() -> None:
    assert set(m.SOCKET_MESSAGES) == set(GOOD)
    for kind, (fields, expected) in GOOD.items():
        assert m.parse_frame(orjson.dumps({"type": kind, **fields}).decode()) == expected
        with pytest.raises(m.Malformed):
            m.parse_frame(orjson.dumps({"type": kind, **fields, "extra": 1}).decode())


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{",
        "{}",
        '{"type":1}',
        '{"type":"cancel","run":"run_1"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","run":1}',
        '{"type":"subscribe","run":"run_1","topic":"runs:x"}',
        '{"type":"subscribe","run":"run_1","after_seq":-1}',
        '{"type":"subscribe","run":"run_1","after_seq":true}',
        '{"type":"subscribe","run":"run_1","after_seq":99999999999999999999}',
        '{"type":"subscribe","run":"a\\u0000b"}',
        '{"type":"subscribe","run":"\\ud800"}',
        '{"type":"subscribe","topic":"runs:x","follow":1}',
        '{"type":"authenticate","token":""}',
        '{"type":"authenticate","token":null}',
        '{"type":"ping","ping":{}}',
        "[" * 5000,
    ],
)
def test_anything_else_is_malformed(text: str | None) -> None:
    with pytest.raises(m.Malformed):
        m.parse_frame(text)


def test_size_is_counted_in_bytes() -> None:
    with pytest.raises(m.TooBig):
        m.parse_frame('{"type":"authenticate","token":"' + "é" * 33_000 + '"}')
    assert m.parse_frame('{"type":"authenticate","token":"' + "x" * 60_000 + '"}')


def scope(**headers: str) -> dict[str, Any]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"headers": pairs, "client": ("127.0.0.1", 1)}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "localhost:8000"}, True),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, True),
        ({"host": "localhost", "origin": "http://localhost:80"}, True),
        ({"host": "localhost:8000", "origin": "http://localhost:8001"}, False),
        ({"host": "localhost:8000", "origin": "https://localhost:8000"}, False),
        ({"host": "localhost:8000", "origin": "null"}, False),
        ({"host": "localhost:8000", "origin": ""}, False),
        ({"host": "localhost:8000", "origin": "http://localhost:8000@evil.example"}, False),
        ({"host": "localhost:8000", "origin": "http://evil.example"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
        ({"host": "evil.example"}, False),
        ({}, False),
    ],
)
def test_incident_2_62_origin_is_our_own_or_absent(headers: dict[str, str], allowed: bool, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    assert may_connect(scope(**headers)) is allowed


@pytest.mark.parametrize(("path", "origin"), [("/ws/v1/", "http://evil.example"), ("/ws/v2/", "http://localhost:8000")])
async def test_g27_a_foreign_page_is_refused_in_the_handshake(path: str, origin: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"} if not sent else {"type": "websocket.disconnect", "code": 1006}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asked = {**scope(host="localhost:8000", origin=origin), "type": "websocket", "path": path}
    await asyncio.wait_for(websocket_application(asked, receive, send), 10)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_listed_origins_and_trusted_proxies(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["agents.example"]
    settings.ALLOWED_ORIGINS = ("https://other.example",)
    assert may_connect(scope(host="agents.example", origin="https://other.example"))
    proxied = scope(host="agents.example", origin="https://agents.example", **{"x-forwarded-proto": "https"})
    assert not may_connect(proxied)
    settings.TRUSTED_PROXIES = ("127.0.0.0/8",)
    assert may_connect(proxied)
    twice = {**proxied, "headers": [*proxied["headers"], (b"x-forwarded-proto", b"https")]}
    assert not may_connect(twice)
    assert not may_connect({**proxied, "client": ("192.0.2.1", 5)}) and not may_connect({**proxied, "client": None})
