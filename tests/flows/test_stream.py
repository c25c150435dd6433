"""The event stream beside the socket on a product that really runs: the same frames, resumed anywhere, ended when told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.fixtures.product import EMAIL, PASSWORD, Product, running_product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(180)]
Frame = tuple[str | None, dict[str, Any]]
OTHER = "second@example.com"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("stream")) / "data"):
        product.agent = product.demo_agent()  # type: ignore[attr-defined]
        yield product


def start(product: Product, text: str) -> str:
    return str(product.call("POST", "runs/", {"agent": product.agent, "input": {"text": text}})["id"])  # type: ignore[attr-defined]


@contextmanager
def stream(product: Product, run: str, last: str | None = None, token: str = "", space: str = "") -> Iterator[Any]:
    headers = {"Authorization": f"Bearer {token or product.token}"} | ({"Last-Event-ID": last} if last else {})
    request = urllib.request.Request(f"{product.address}{space or product.space}runs/{run}/stream/", headers=headers)
    with urllib.request.urlopen(request, timeout=30, context=product.trust) as answer:
        yield answer


def frames(answer: Any) -> Iterator[Frame]:
    number: str | None = None
    for line in answer:
        text = line.decode().rstrip("\n")
        if text.startswith("id: "):
            number = text[4:]
        elif text.startswith("data: "):
            yield number, json.loads(text[6:])
            number = None


def read(product: Product, run: str, last: str | None = None) -> tuple[int, list[Frame]]:
    with stream(product, run, last) as answer:
        return answer.status, list(frames(answer))


async def over_socket(product: Product, run: str) -> list[dict[str, Any]]:
    """Every frame of a run that has ended or is going on, as the socket gives it, `caught_up` left out."""
    found: list[dict[str, Any]] = []
    async with websockets.connect(product.socket_address, max_size=None, ssl=product.trust) as raw:
        await raw.send(json.dumps({"type": "authenticate", "token": product.token}))
        await raw.recv()
        await raw.send(json.dumps({"type": "subscribe", "run": run, "after_seq": 0}))
        while not (found and found[-1].get("event", {}).get("type") in ENDS):
            frame = json.loads(await asyncio.wait_for(raw.recv(), 20))
            if frame["type"] != "caught_up":
                found.append(frame)
    return found


ENDS = ("run.succeeded", "run.failed", "run.cancelled")


def texts_of(found: list[dict[str, Any]]) -> dict[str, str]:
    """Message id -> text as put together from the text frames, which must fit without a hole."""
    texts: dict[str, str] = {}
    for frame in found:
        if frame["type"] == "delta":
            have = texts.get(frame["message"], "")
            assert frame["offset"] == len(have)
            texts[frame["message"]] = have + frame["text"]
    return texts


def events_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame for frame in found if frame["type"] == "event"]


def completed(product: Product, run: str) -> dict[str, str]:
    rows = [row["event"] for row in product.events(run)]
    return {e["message"]: e["text"] for e in rows if e["type"] == "message.completed"}


TOOL = '[[tool:calculator {"expression": "6*7"}]]'


async def test_the_stream_gives_the_sockets_frames(product: Product) -> None:
    run = await asyncio.to_thread(start, product, f"Grüße 🌍 {TOOL} [[tokens:40 gap:50]]")
    live, (status, streamed) = await asyncio.gather(over_socket(product, run), asyncio.to_thread(read, product, run))
    assert status == 200
    plain = [frame for _, frame in streamed]
    assert events_of(plain) == events_of(live)
    assert texts_of(plain) == texts_of(live)
    assert {m: t for m, t in texts_of(plain).items() if t} == {
        m: t for m, t in (await asyncio.to_thread(completed, product, run)).items() if t
    }
    for number, frame in streamed:
        assert number == (str(frame["seq"]) if frame["type"] == "event" else None)
    # Of the ended run both tell the same again, and without live text.
    again = await over_socket(product, run)
    assert [frame for _, frame in (await asyncio.to_thread(read, product, run))[1]] == again == events_of(live)


def test_incident_3_2_going_on_after_every_event_of_an_ended_run(product: Product) -> None:
    run = start(product, f"Whole {TOOL} [[tokens:10 gap:1]]")
    product.wait_for_end(run)
    stored = product.events(run)
    last = stored[-1]["seq"]
    for seq in range(last):
        status, found = read(product, run, str(seq))
        assert status == 200
        assert [frame["event"] for _, frame in found] == [row["event"] for row in stored[seq:]]
        assert [number for number, _ in found] == [str(row["seq"]) for row in stored[seq:]]
    for past in (last, last + 1, 999_999_999):
        assert read(product, run, str(past)) == (204, [])
    for nonsense in ("x", "-1", "1.5", "²", "9" * 40):
        status, found = read(product, run, nonsense)
        assert (status, len(found)) == (200, last), "not a number of ours: from the beginning"


def test_going_on_after_every_event_of_a_live_run(product: Product) -> None:
    """A reader for each place where one may come back while the run goes on: the same events, the whole text."""
    run = start(product, f"Live {TOOL} [[tokens:120 gap:40]]")
    while len(product.events(run)) < 8:
        threading.Event().wait(0.02)
    here = product.events(run)[-1]["seq"]
    assert product.call("GET", f"runs/{run}/")["status"] == "running"
    results: dict[int, tuple[int, list[Frame]]] = {}
    readers = [
        threading.Thread(target=lambda seq=seq: results.__setitem__(seq, read(product, run, str(seq))))  # type: ignore[misc]
        for seq in range(here + 1)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
    stored = [row["event"] for row in product.events(run)]
    answer = completed(product, run)
    for seq in range(here + 1):
        status, found = results[seq]
        assert status == 200
        assert [frame["event"] for _, frame in found if frame["type"] == "event"] == stored[seq:]
        message, text = list(texts_of([frame for _, frame in found]).items())[-1]
        assert text == answer[message], "from offset 0 of the open message, then live"


def test_of_strangers_and_random_runs(product: Product) -> None:
    run = start(product, "Mine")
    for path, token, status in (
        (run, "wrong", 401),
        ("run_01m81w1te3ebnsg1cyfgwxw6st", product.token, 404),
        ("..%2f..%2fplatform.sqlite3", product.token, 404),
        (run + "x", product.token, 404),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused, stream(product, path, token=token):
            pass
        assert refused.value.code == status
        assert refused.value.headers["Content-Type"] == "application/problem+json"
    with pytest.raises(urllib.error.HTTPError) as refused, stream(product, run, space="/api/v1/workspaces/nowhere/"):
        pass
    assert refused.value.code == 404


MANAGE = """
from accounts.models import *
from accounts.operations import *
from core.authz import Actor
actor = Actor("system", None, "test", None)
user, space = User.objects.filter(email="second@example.com").first(), Workspace.objects.get()
"""


def operate(product: Product, script: str) -> None:
    """What an operator does in the admin, done by the same services in a process of its own."""
    product.manage("shell", "--no-imports", "-c", MANAGE + script)


CHANGES = {
    "sign-out": "",
    "disabled": "user.is_active = False; save_person(actor, user=user, password='', changed=['is_active'])",
    "demoted": "m = Membership.objects.get(user=user); m.role = 'auditor'; save_member(actor, workspace=space, member=m)",
    "removed": "remove_member(actor, member=Membership.objects.get(user=user))",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_g17_incident_2_27_revocation_ends_socket_and_stream_within_five_seconds(
    product: Product, change: str
) -> None:
    make = (
        "user = user or User(email='second@example.com'); user.is_active = True\n"
        f"save_person(actor, user=user, password={PASSWORD!r}, changed=[])\n"
        "Membership.objects.filter(user=user).delete()\n"
        "save_member(actor, workspace=space, member=Membership(workspace=space, user=user, role='user'))"
    )
    await asyncio.to_thread(operate, product, make)
    credentials = {"email": OTHER, "password": PASSWORD}
    token = (await asyncio.to_thread(product.call, "POST", "/api/v1/auth/token/", credentials))["access"]
    bearer = {"Authorization": f"Bearer {token}"}
    body = {"agent": product.agent, "input": {"text": "Long [[tokens:3000 gap:20]]"}}  # type: ignore[attr-defined]
    run = (await asyncio.to_thread(product.call, "POST", "runs/", body, bearer))["id"]
    last: dict[str, float] = {}
    ready = threading.Event()

    def follow() -> None:
        try:
            with stream(product, run, token=token) as answer:
                for _ in frames(answer):
                    last["stream"] = time.monotonic()
                    ready.set()
        finally:
            last["stream closed"] = time.monotonic()

    reader = threading.Thread(target=follow)
    reader.start()
    async with websockets.connect(product.socket_address, max_size=None, ssl=product.trust) as raw:
        await raw.send(json.dumps({"type": "authenticate", "token": token}))
        await raw.recv()
        await raw.send(json.dumps({"type": "subscribe", "run": run, "after_seq": 0}))
        while json.loads(await raw.recv())["type"] != "delta":
            pass
        assert await asyncio.to_thread(ready.wait, 10)
        if change == "sign-out":
            await asyncio.to_thread(product.call, "POST", "/api/v1/auth/logout/", {}, bearer)
        else:
            await asyncio.to_thread(operate, product, CHANGES[change])
        done = time.monotonic()
        with contextlib.suppress(websockets.ConnectionClosed):
            while await asyncio.wait_for(raw.recv(), 10):
                last["socket"] = time.monotonic()
    assert raw.close_code == (4401 if change in ("sign-out", "disabled") else 4403)
    await asyncio.to_thread(reader.join, 10)
    assert last["socket"] - done < 5 and last["stream"] - done < 5 and last["stream closed"] - done < 6
    with pytest.raises(urllib.error.HTTPError) as refused, stream(product, run, token=token):
        pass
    assert refused.value.code == {"sign-out": 401, "disabled": 401, "demoted": 403, "removed": 404}[change]
    await asyncio.to_thread(product.call, "POST", f"runs/{run}/cancel/", {})
    assert EMAIL != OTHER
