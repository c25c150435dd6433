"""The socket and the stream of a product that really runs: delivered over TCP, cut, revoked.

What viewers see of deaths and restarts is in tests/crash/test_any_shape.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.fixtures.product import EMAIL, PASSWORD, Product, running_product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
#: Of one message, of two with a tool's call between them, long and short pieces.
PROMPTS = (
    '[[tool:calculator {"expression":"6*7"}]] [[tokens:15 gap:3]]',
    "[[tokens:15 gap:3]]",
    "[[tokens:80 gap:1]]",
    "[[tokens:6 gap:60]]",
    '[[tool:calculator {"expression":"1/0"}]] [[tool:calculator {"expression":"2**9"}]] [[tokens:10 gap:10]]',
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("socket")) / "data"):
        product.agent = product.demo_agent(tools=["calculator", "ask_person"])  # type: ignore[attr-defined]
        yield product


class Client:
    """A socket that keeps what a careful client keeps."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.seq = 0
        self.events: list[dict[str, Any]] = []
        self.texts: dict[str, str] = {}
        self.open: set[str] = set()
        self.frames = 0

    async def send(self, **frame: Any) -> None:
        await self.raw.send(json.dumps(frame))

    async def receive(self, timeout: float = 10) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.raw.recv(), timeout))

    async def until(self, kind: str, timeout: float = 10) -> dict[str, Any]:
        while (frame := await self.receive(timeout))["type"] != kind:
            pass
        return frame

    def take(self, frame: dict[str, Any]) -> None:
        self.frames += 1
        if frame["type"] == "delta" and frame.get("part") != "reasoning":
            assert frame["message"] in self.open, "text before its start or after its end"
            have = self.texts.get(frame["message"], "")
            assert frame["offset"] <= len(have)
            self.texts[frame["message"]] = have[: frame["offset"]] + frame["text"]
        elif frame["type"] == "event":
            assert frame["seq"] == self.seq + 1
            self.seq = frame["seq"]
            event = frame["event"]
            self.events.append(event)
            if event["type"] == "message.started":
                self.open.add(event["message"])
            elif event["type"] == "message.completed":
                self.open.discard(event["message"])
            elif event["type"] == "step.restarted":
                self.open -= set(event["dropped"])

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in ("run.succeeded", "run.failed", "run.cancelled")

    async def follow(self, stop_at: int | None = None) -> None:
        while not self.ended and (stop_at is None or self.frames < stop_at):
            self.take(await self.receive(20))

    def answer(self) -> str:
        return [e["text"] for e in self.events if e["type"] == "message.completed"][-1]


@asynccontextmanager
async def connect(product: Product, token: str | None = "", **options: Any) -> AsyncIterator[Client]:
    async with websockets.connect(product.socket_address, max_size=None, ssl=product.trust, **options) as raw:
        client = Client(raw)
        if token is not None:
            await client.send(type="authenticate", token=token or product.token)
            ready = await client.receive(30)
            assert ready["type"] == "ready" and ready["expires_in"] >= 590
        yield client


def start(product: Product, text: str, **more: Any) -> dict[str, Any]:
    body = {"agent": product.agent, "input": {"text": text}, **more}  # type: ignore[attr-defined]
    return dict(product.call("POST", "runs/", body))


async def close_code(client: Client, timeout: float = 10) -> int | None:
    async with asyncio.timeout(timeout):
        try:
            while True:
                await client.raw.recv()
        except websockets.ConnectionClosed:
            return client.raw.close_code


async def test_one_run_from_its_first_event_to_its_last(product: Product) -> None:
    run = await asyncio.to_thread(start, product, "Hello [[tokens:40 gap:50]]")
    async with connect(product) as client:
        await client.send(type="subscribe", run=run["id"], after_seq=0)
        await client.follow()
    assert client.events[0]["type"] == "run.queued" and client.events[-1]["type"] == "run.succeeded"
    stored = [row["event"] for row in await asyncio.to_thread(product.events, run["id"])]
    assert stored == client.events
    (message,) = client.texts
    assert client.texts[message] == client.answer()


async def test_whoever_comes_to_a_run_that_waits_is_told_that_this_is_all(product: Product) -> None:
    """Nothing else happens to such a run: what is not said now would be said when somebody decides."""
    run = await asyncio.to_thread(start, product, 'Ask [[tool:ask_person {"question": "Red?"}]] [[tokens:5 gap:0]]')
    while (await asyncio.to_thread(product.call, "GET", f"runs/{run['id']}/"))["status"] != "waiting":
        await asyncio.sleep(0.05)
    async with connect(product) as client:
        await client.send(type="subscribe", run=run["id"], after_seq=0)
        caught_up = await client.until("caught_up")
        last = (await asyncio.to_thread(product.events, run["id"]))[-1]
        assert (caught_up["seq"], last["event"]["type"]) == (last["seq"], "run.waiting")
        (decision,) = (await asyncio.to_thread(product.call, "GET", f"decisions/?run={run['id']}"))["results"]
        answer = {"resolution": "answer", "result": "red"}
        await asyncio.to_thread(product.call, "POST", f"decisions/{decision['id']}/resolve/", answer)
        while (frame := await client.receive()).get("event", {}).get("type") != "run.succeeded":
            assert frame["type"] != "caught_up"


async def cut_and_come_back(product: Product, prompt: str, cut: int) -> bool:
    """Watch a run, leave after `cut` frames and come back; whether the run was still going on by then."""
    run = await asyncio.to_thread(start, product, f"Cut {cut} {prompt}")
    async with connect(product) as first:
        await first.send(type="subscribe", run=run["id"], after_seq=0)
        await first.follow(stop_at=cut)
    if first.ended:
        return False
    async with connect(product) as second:
        second.seq, second.events, second.texts, second.open = first.seq, first.events, first.texts, first.open
        resume = {m: len(second.texts.get(m, "")) for m in second.open}
        extra = {"message": next(iter(resume)), "offset": next(iter(resume.values()))} if resume and cut % 2 else {}
        await second.send(type="subscribe", run=run["id"], after_seq=second.seq, **extra)
        try:
            await second.follow()
        except TimeoutError as silence:
            now = await asyncio.to_thread(product.call, "GET", f"runs/{run['id']}/")
            raise AssertionError(
                f"cut {cut}: silence after event {second.seq} (asked with {first.seq}, {extra or 'no offset'}), "
                f"{second.frames - first.frames} frames; the run is {now['status']}, its journal ends at {now['last_seq']}"
            ) from silence
    assert second.events == [row["event"] for row in await asyncio.to_thread(product.events, run["id"])], cut
    final = {e["message"]: e["text"] for e in second.events if e["type"] == "message.completed"}
    # Live text ends early where the whole text overtook it; what was shown must be its beginning, byte for byte.
    assert all(final[message].startswith(text) for message, text in second.texts.items()), cut
    return True


@pytest.mark.timeout(600)
async def test_incident_3_1_reconnect_after_every_frame_gives_the_same_text(product: Product) -> None:
    """INCIDENTS 3.1. One run in `make test`, five in `make test-all`."""
    prompts = PROMPTS if os.environ.get("FULL") else PROMPTS[:1]
    for prompt in prompts:
        cut, goes_on = 1, True
        while goes_on:  # until a cut comes after the last frame
            goes_on = all(await asyncio.gather(*(cut_and_come_back(product, prompt, cut + more) for more in range(8))))
            cut += 8
        assert cut > 16, f"only {cut - 1} frames were cut"


async def test_stop_keeps_what_was_seen(product: Product) -> None:
    took = []
    for _ in range(3):  # the quickest hardly knows what else the machine does
        run = await asyncio.to_thread(start, product, "Long [[tokens:1000 gap:20]]")
        async with connect(product) as client:
            await client.send(type="subscribe", run=run["id"])
            await client.follow(stop_at=20)
            await asyncio.to_thread(product.call, "POST", f"runs/{run['id']}/cancel/", {})
            begun = time.monotonic()
            await client.follow()
            took.append(time.monotonic() - begun)
        assert client.events[-1]["type"] == "run.cancelled"
        assert client.answer() == client.texts[next(iter(client.texts))] != ""
    assert min(took) < 1, took


async def test_incident_3_9_an_answer_larger_than_a_clients_frame_may_be_arrives_whole(product: Product) -> None:
    """64 KiB is the limit for what clients send, not for what they get."""
    run = await asyncio.to_thread(start, product, "Long [[tokens:14000 gap:0]]")
    async with connect(product) as client:
        await client.send(type="subscribe", run=run["id"])
        await client.follow()
    assert len(client.answer()) > 65_536 and client.events[-1]["type"] == "run.succeeded"


async def test_follow_brings_the_conversations_next_runs(product: Product) -> None:
    conversation = await asyncio.to_thread(product.call, "POST", "conversations/", {"agent": product.agent})  # type: ignore[attr-defined]
    topic = f"conversation:{conversation['id']}"
    async with connect(product) as client:
        await client.send(type="subscribe", topic=topic, follow=True)
        assert await client.receive() == {"type": "subscribed", "topic": topic}
        body = {"text": "Followed [[tokens:5 gap:1]]"}
        sent = await asyncio.to_thread(product.call, "POST", f"conversations/{conversation['id']}/messages/", body)
        notice = await client.until("notice")
        assert (notice["run"], notice["what"]) == (sent["run"], "run.queued")
        await client.follow()
    assert client.events[0]["input"]["text"] == body["text"]


async def test_two_hundred_viewers_of_one_run_all_see_the_same(product: Product) -> None:
    run = await asyncio.to_thread(start, product, "Many [[tokens:30 gap:20]]")

    async def view() -> str:
        async with connect(product, open_timeout=60) as client:
            await client.send(type="subscribe", run=run["id"])
            await client.follow()
            return client.answer()

    assert len(set(await asyncio.gather(*(view() for _ in range(200))))) == 1


async def test_incident_3_3_close_codes(product: Product) -> None:
    async with connect(product, token=None) as client:
        await client.send(type="authenticate", token="wrong")
        assert await close_code(client) == 4401
    async with connect(product, token=None) as client:
        await client.send(type="ping")
        assert await close_code(client) == 4401
    async with connect(product) as client:
        await client.raw.send("{")
        assert await close_code(client) == 4400
    async with connect(product) as client:
        await client.raw.send(b"binary")
        assert await close_code(client) == 4400
    async with connect(product) as client:
        await client.raw.send('{"type":"ping","x":"' + "x" * 70_000 + '"}')
        assert await close_code(client) == 1009
    begun = time.monotonic()
    async with connect(product, token=None) as client:
        assert await close_code(client, 30) == 4408
        assert 4 < time.monotonic() - begun < 15


async def test_strangers_and_random_ids_answer_alike(product: Product) -> None:
    async with connect(product) as client:
        for name in ("run_01m81w1te3ebnsg1cyfgwxw6st", "nonsense", "agt_01m81w1te3ebnsg1cyfgwxw6st"):
            await client.send(type="subscribe", run=name)
            answer = await client.receive()
            assert (answer["type"], answer["run"], answer["code"]) == ("error", name, "not_found")
        for topic in ("conversation:cnv_x", "runs:nowhere", "weather:today", "runs:"):
            await client.send(type="subscribe", topic=topic)
            answer = await client.receive()
            assert (answer["type"], answer["topic"], answer["code"]) == ("error", topic, "not_found")
        await client.send(type="ping")
        assert (await client.receive())["type"] == "pong"


async def test_a_foreign_page_is_refused_in_the_handshake(product: Product) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(product, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    async with connect(product, origin=product.address):
        pass


async def test_sign_out_ends_delivery_within_five_seconds(product: Product) -> None:
    tokens = await asyncio.to_thread(
        product.call, "POST", "/api/v1/auth/token/", {"email": EMAIL, "password": PASSWORD}
    )
    run = await asyncio.to_thread(start, product, "Long [[tokens:600 gap:20]]")
    async with connect(product, token=tokens["access"]) as client:
        await client.send(type="subscribe", run=run["id"])
        await client.follow(stop_at=10)
        bearer = {"Authorization": f"Bearer {tokens['access']}"}
        await asyncio.to_thread(product.call, "POST", "/api/v1/auth/logout/", {}, bearer)
        begun = time.monotonic()
        assert await close_code(client) == 4401
        assert time.monotonic() - begun < 5
    await asyncio.to_thread(product.call, "POST", f"runs/{run['id']}/cancel/", {})


def read_stream(product: Product, run: str, last: str | None = None, limit: int | None = None) -> tuple[int, list[Any]]:
    """(status, [(id or None, frame)]) of runs/{id}/stream/."""
    headers = {"Authorization": f"Bearer {product.token}"} | ({"Last-Event-ID": last} if last else {})
    request = urllib.request.Request(f"{product.address}{product.space}runs/{run}/stream/", headers=headers)
    frames: list[Any] = []
    with urllib.request.urlopen(request, timeout=30, context=product.trust) as answer:
        number: str | None = None
        for line in answer:
            text = line.decode().rstrip("\n")
            if text.startswith("id: "):
                number = text[4:]
            elif text.startswith("data: "):
                frames.append((number, json.loads(text[6:])))
                number = None
                if limit is not None and len(frames) >= limit:
                    break
        return answer.status, frames


def test_the_stream_carries_the_same_frames_and_goes_on_after_an_id(product: Product) -> None:
    run = start(product, "Streamed [[tokens:20 gap:100]]")["id"]
    _, head = read_stream(product, run, limit=8)
    last = [number for number, _ in head if number is not None][-1]
    status, tail = read_stream(product, run, last)
    assert status == 200
    numbers = [int(number) for number, frame in [*head, *tail] if frame["type"] == "event" and number is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert tail[-1][1]["event"]["type"] == "run.succeeded"
    text = "".join(frame["text"] for _, frame in tail if frame["type"] == "delta")
    completed = next(frame["event"] for _, frame in tail if frame.get("event", {}).get("type") == "message.completed")
    assert text == completed["text"], "from offset 0 again, then live"
    assert read_stream(product, run, str(numbers[-1]))[0] == 204
    with pytest.raises(urllib.error.HTTPError) as missing:
        read_stream(product, "run_01m81w1te3ebnsg1cyfgwxw6st")
    assert missing.value.code == 404
