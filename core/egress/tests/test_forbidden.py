"""No spelling of an internal address gets a connection, through any field that takes a URL. Real listeners judge."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from core.egress import EgressRefused, parse_url
from core.egress.addresses import why_forbidden
from core.egress.errors import EgressFailed
from core.egress.guard import judge, judge_target
from core.egress.tests.forbidden import hosts, urls
from core.egress.tests.listeners import Listener, listening, read_request


@contextlib.asynccontextmanager
async def both() -> Any:
    """Listeners on the same port of 127.0.0.1 and ::1."""
    async with listening() as four, listening(host="::1", port=four.port) as six:
        yield four, six


@pytest.fixture(autouse=True)
def _nothing_listed(settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ("127.0.0.1:1",)


def test_there_are_five_hundred_forms() -> None:
    assert len(urls(80)) >= 500


async def test_incident_2_22_2_24_2_25_no_form_connects_through_httpx2() -> None:
    import httpx2

    from core.egress.transport import guarded_client

    async with both() as (four, six), guarded_client() as client:
        for url in urls(four.port):
            with pytest.raises((EgressRefused, httpx2.InvalidURL, httpx2.TransportError)):
                await client.get(url)
        assert (four.connections, six.connections) == (0, 0)


async def test_incident_2_22_2_24_2_25_no_form_connects_through_httpx() -> None:
    import httpx

    from core.egress.transport import guarded_transport

    async with both() as (four, six), httpx.AsyncClient(transport=guarded_transport(httpx), trust_env=False) as client:
        for url in urls(four.port):
            with pytest.raises((EgressRefused, httpx.InvalidURL, httpx.TransportError)):
                await client.get(url)
        assert (four.connections, six.connections) == (0, 0)


async def test_no_host_passes_the_judge() -> None:
    for host in hosts():
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        with pytest.raises((EgressRefused, EgressFailed)):
            await judge(bare, 443)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["93.184.216.34"], ["127.0.0.1"]),
        (["93.184.216.34", "127.0.0.1"], []),
        (["127.0.0.1"], []),
        (["::ffff:127.0.0.1"], []),
    ],
)
async def test_incident_2_26_a_name_is_resolved_once_and_every_answer_is_judged(
    first: list[str], second: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public at the check, private at the connection."""
    import asyncio

    from core.egress.connect import connect

    asked = 0
    tried: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        return first if asked == 1 else second

    async def create_connection(factory: Any, host: str, port: int, **rest: Any) -> Any:
        tried.append(host)
        raise OSError("no route in a test")

    async with listening() as inner:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection)
        with pytest.raises((EgressRefused, EgressFailed)):
            await connect(
                "rebind.example.com",
                inner.port,
                tls=True,
                protocol_factory=asyncio.Protocol,
                timeout=2,
                resolver=resolver,
            )
        assert asked == 1
        assert tried == ([first[0]] if first == ["93.184.216.34"] else [])
        assert inner.connections == 0


@pytest.mark.parametrize(
    "listed",
    ["127.0.0.1:{port}", "LOCALHOST:{port}"],
)
async def test_a_listed_host_is_reached_with_its_literal_spelling_only(listed: str, settings: Any) -> None:
    from core.egress.transport import guarded_client

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with listening(answer) as inner, guarded_client() as client:
        settings.ALLOWED_PRIVATE_HOSTS = (listed.format(port=inner.port),)
        name = listed.partition(":")[0].lower()
        assert (await client.get(f"http://{name}:{inner.port}/")).text == "ok"
        other = "localhost" if name == "127.0.0.1" else "127.0.0.1"
        with pytest.raises(EgressRefused):
            await client.get(f"http://{other}:{inner.port}/")
        with pytest.raises(EgressRefused):
            await client.get(f"http://{name}:{inner.port + 1}/")


def test_plain_addresses_stay_reachable() -> None:
    from ipaddress import ip_address

    for text in ("93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"):
        assert why_forbidden(ip_address(text)) is None, text
    for url in ("https://api.openai.com/v1", "https://xn--bcher-kva.example:8443/a_b/~c", "HTTPS://API.Example.COM"):
        judge_target(parse_url(url))
    assert parse_url("https://API.example.com:443/v1/").url == "https://api.example.com/v1"
    with pytest.raises(EgressRefused, match="AAP_ALLOWED_PRIVATE_HOSTS"):
        judge_target(parse_url("http://api.example.com/"))
