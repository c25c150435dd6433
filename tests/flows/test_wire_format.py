"""One wire format, two languages: frames of real runs, recorded, with what the server itself makes of them.

The web client's own tests fold the same files (frontend/src/lib/stream/reduce-run.test.ts). When the format changes on
purpose: `RECORD_FRAMES=1 .venv/bin/pytest tests/flows/test_wire_format.py`, look at the difference, commit it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import websockets

from agents.engine.events import from_json
from agents.runtime.projection import Projector
from tests.fixtures.product import Product, running_product

pytestmark = [pytest.mark.one_database, pytest.mark.slow, pytest.mark.timeout(120)]

FOLDER = Path(__file__).resolve().parent.parent.parent / "frontend/src/lib/stream/fixtures"
RECORDING = os.environ.get("RECORD_FRAMES") == "1"
ASTRAL = "Grüße 😀 an 👩‍🚀 und 𝒳, e\u0301 zuletzt"
Frame = dict[str, Any]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("wire")) / "data"):
        product.agent = product.demo_agent(tools=["calculator", "ask_person"])  # type: ignore[attr-defined]
        yield product


@asynccontextmanager
async def watching(product: Product, run: str, **more: Any) -> AsyncIterator[Any]:
    async with websockets.connect(product.socket_address, max_size=None, ssl=product.trust) as raw:
        await raw.send(json.dumps({"type": "authenticate", "token": product.token}))
        assert json.loads(await raw.recv())["type"] == "ready"
        await raw.send(json.dumps({"type": "subscribe", "run": run, "after_seq": 0, **more}))
        yield raw


async def take(raw: Any, frames: list[Frame], until: Callable[[Frame], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            frame = json.loads(await raw.recv())
            frames.append(frame)
            if until(frame):
                return


def ends(frame: Frame) -> bool:
    return frame["type"] == "event" and frame["event"]["type"] in ("run.succeeded", "run.failed", "run.cancelled")


def says(text: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["type"] == "delta" and text in frame["text"]


async def begin(product: Product, text: str) -> str:
    body = {"agent": product.agent, "input": {"text": text}}  # type: ignore[attr-defined]
    return str((await asyncio.to_thread(product.call, "POST", "runs/", body))["id"])


# Whoever is to see the text come is there in time on a slow machine, too: it takes two seconds.


async def plain(product: Product) -> tuple[str, list[Frame]]:
    run, frames = await begin(product, f"{ASTRAL} [[tokens:60 gap:30]]"), []
    async with watching(product, run) as raw:
        await take(raw, frames, ends)
    return run, frames


async def tool(product: Product) -> tuple[str, list[Frame]]:
    text = 'Two steps [[tool:calculator {"expression":"2+3"}]] [[tool:calculator {"expression":"1/0"}]]'
    run, frames = await begin(product, f"{text} [[tokens:20 gap:90]]"), []
    async with watching(product, run) as raw:
        await take(raw, frames, ends)
    return run, frames


async def cancel(product: Product) -> tuple[str, list[Frame]]:
    run, frames = await begin(product, f"{ASTRAL} [[tokens:2000 gap:10]]"), []
    async with watching(product, run) as raw:
        await take(raw, frames, says("words"))
        await asyncio.to_thread(product.call, "POST", f"runs/{run}/cancel/", {})
        await take(raw, frames, ends)
    return run, frames


async def restart(product: Product) -> tuple[str, list[Frame]]:
    run, frames = await begin(product, f"{ASTRAL} [[tokens:120 gap:20]]"), []
    async with watching(product, run) as raw:
        await take(raw, frames, says("words"))
        await asyncio.to_thread(product.kill)
    await asyncio.to_thread(product.start)
    last = max(frame["seq"] for frame in frames if frame["type"] == "event")
    async with watching(product, run, after_seq=last) as raw:
        await take(raw, frames, ends)
    return run, frames


async def steer(product: Product) -> tuple[str, list[Frame]]:
    run, frames = await begin(product, f"{ASTRAL} [[tokens:200 gap:10]]"), []
    conversation = (await asyncio.to_thread(product.call, "GET", f"runs/{run}/"))["conversation"]
    async with watching(product, run) as raw:
        await take(raw, frames, says("words"))
        said = {"text": f"{ASTRAL} once more [[tokens:40 gap:3]]", "mode": "steer"}
        await asyncio.to_thread(product.call, "POST", f"conversations/{conversation}/messages/", said)
        await take(raw, frames, ends)
    return run, frames


async def question(product: Product) -> tuple[str, list[Frame]]:
    asked = '{"question": "Red or blue?", "options": ["red", "blue"]}'
    run, frames = await begin(product, f"Ask [[tool:ask_person {asked}]] [[tokens:20 gap:3]]"), []
    async with watching(product, run) as raw:
        await take(raw, frames, lambda frame: frame["type"] == "event" and frame["event"]["type"] == "run.waiting")
        (open_one,) = (await asyncio.to_thread(product.call, "GET", f"decisions/?run={run}"))["results"]
        answer = {"resolution": "answer", "result": ASTRAL}
        await asyncio.to_thread(product.call, "POST", f"decisions/{open_one['id']}/resolve/", answer)
        await take(raw, frames, ends)
    return run, frames


CASES: dict[str, Callable[[Product], Awaitable[tuple[str, list[Frame]]]]] = {
    "plain": plain,
    "tool": tool,
    "cancel": cancel,
    "restart": restart,
    "steer": steer,
    "question": question,
}


def folded_by_the_server(frames: list[Frame]) -> dict[str, Any]:
    """The same projection that fills the lists, fed with a recording's journal."""
    rows = [frame for frame in frames if frame["type"] == "event"]
    projector = Projector(run=rows[0]["run"], conversation="cnv_recorded", workspace="wsp_recorded")
    for row in rows:
        at = datetime.fromisoformat(row["at"]).astimezone(UTC)
        projector.apply(row["seq"], at, from_json(row["event"]))
    changes = projector.take_changes()
    messages = [
        {"id": message.id, "text": message.text, "finish": message.finish}
        for message in changes.new_messages
        if message.role == "assistant"
    ]
    return {"messages": messages, "status": str(changes.run["status"])}


def shown_by_the_api(product: Product, run: str) -> dict[str, Any]:
    record = product.call("GET", f"runs/{run}/")
    page = product.call("GET", f"conversations/{record['conversation']}/messages/")
    messages = [
        {"id": message["id"], "text": message["text"], "finish": message["finish"]}
        for message in page["results"]
        if message["role"] == "assistant"
    ]
    return {"messages": messages, "status": record["status"]}


def shape(frames: list[Frame]) -> dict[str, list[str]]:
    """What each kind of frame and event is made of, whatever it says."""
    found: dict[str, set[str]] = {}
    for frame in frames:
        found.setdefault(frame["type"], set()).update(frame)
        if frame["type"] == "event":
            found.setdefault(frame["event"]["type"], set()).update(frame["event"])
    return {kind: sorted(names) for kind, names in sorted(found.items())}


@pytest.mark.parametrize("case", CASES)
async def test_incident_3_1_recorded_frames_are_what_the_server_sends_and_makes_of_them(
    product: Product, case: str
) -> None:
    """INCIDENTS 3.1"""
    run, frames = await CASES[case](product)
    expected = await asyncio.to_thread(shown_by_the_api, product, run)
    assert folded_by_the_server(frames) == expected, "the journal's projection and the API differ"
    path = FOLDER / f"recorded-{case}.json"
    if RECORDING:
        lines = ",\n      ".join(json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in frames)
        result = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
        path.write_text(f'[\n  {{\n    "frames": [\n      {lines}\n    ],\n    "expected": {result}\n  }}\n]\n')
    (recorded,) = json.loads(path.read_text())
    assert recorded["expected"] == folded_by_the_server(recorded["frames"])
    assert shape(recorded["frames"]) == shape(frames), "the wire format changed; see this file's docstring"
