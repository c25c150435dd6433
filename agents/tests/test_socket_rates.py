"""What an API token may send is one amount, whichever door it uses: its requests and the frames of its sockets together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets

from agents.tests.test_socket_live import Client, close_code, connect
from tests.fixtures.product import Product, Refused, running_product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    yield from running_product(Path(tmp_path_factory.mktemp("rates")) / "data", AAP_RATE_LIMITS="1")


def make_token(product: Product, per_minute: int) -> str:
    body = {"name": "t", "scopes": ["agent.view"], "per_minute": per_minute}
    return str(product.call("POST", "api-tokens/", body)["token"])


async def ping(client: Client, times: int) -> None:
    for _ in range(times):
        await client.send(type="ping")
        await client.until("pong")


async def test_a_tokens_frames_and_requests_are_one_amount(product: Product) -> None:
    slow, other = make_token(product, 20), make_token(product, 20)  # five at once, and one in three seconds
    async with connect(product, token=slow) as client, connect(product) as person:
        await ping(client, 2)
        await asyncio.to_thread(product.call, "GET", "agents/", None, {"Authorization": f"Bearer {slow}"})
        for _ in range(20):  # what flows back meanwhile is used up as well
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.send(type="ping")
        assert await close_code(client) == 1013
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(product.call, "GET", "agents/", None, {"Authorization": f"Bearer {slow}"})
        assert refused.value.status == 429
        async with connect(product, token=None) as again:
            await again.send(type="authenticate", token=slow)
            assert await close_code(again) == 1013
        async with connect(product, token=other) as unharmed:
            await ping(unharmed, 2)
        await ping(person, 20)  # a person's page is held to the socket's own rate
