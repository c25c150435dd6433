"""P6 to P9: idle sockets, list reads, the cold start, and what the start of a run costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from bench import driver, wire
from bench.processes import Installation, cold_start, installed, migrated
from bench.table import Figure

IDLE_SOCKETS, HOLD_SECONDS = 1000, 10.0
RUNS = 60


class IdleSocket(driver.Socket):
    """Signed in, and nothing more."""

    token = ""

    def opened(self) -> None:
        self.send({"type": "authenticate", "token": self.token})

    def told(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"ready"'):
            self.ready.set_result(None)


def idle_sockets(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    product = installed(folder / "sockets")
    try:
        time.sleep(2)
        return asyncio.run(_hold(product, say))
    finally:
        product.stop()


async def _hold(product: Installation, say: Callable[[str], None]) -> list[Figure]:
    streams, loop = driver.Streams(), asyncio.get_running_loop()

    async def open_some(count: int) -> list[IdleSocket]:
        opened: list[IdleSocket] = []
        while len(opened) < count:
            few = [
                IdleSocket(streams, 0, host=product.host, path="/ws/v1/") for _ in range(min(50, count - len(opened)))
            ]
            for one in few:
                one.token = product.token
                await loop.create_connection(lambda one=one: one, "127.0.0.1", product.port)
            await asyncio.wait([one.ready for one in few], timeout=30)
            opened += few
        return opened

    warm = await open_some(5)
    for one in warm:
        one.transport.close()
    await asyncio.sleep(2)
    measured = product.measured
    memory, cpu = measured.pss(), measured.cpu()
    await asyncio.sleep(HOLD_SECONDS)
    alone = measured.cpu() - cpu
    held = await open_some(IDLE_SOCKETS)
    await asyncio.sleep(3)
    grown, cpu = measured.pss() - memory, measured.cpu()
    await asyncio.sleep(HOLD_SECONDS)
    busy = max(0.0, measured.cpu() - cpu - alone) / HOLD_SECONDS * 100
    dead = sum(one.done.done() for one in held)
    say(f"{IDLE_SOCKETS} idle sockets: {grown:.1f} MB, {busy:.2f} % of a core; {dead} ended")
    note = f"{dead} ended" if dead else ""
    return [
        Figure("P6", "memory of 1,000 idle signed-in sockets (PSS)", "MB", 35, [grown], note=note),
        Figure("P6", "CPU to hold them, beyond the idle product", "% of a core", 0.5, [busy], note=note),
    ]


def list_reads(folder: Path, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    product = installed(folder / "reads")
    try:
        product.call("POST", "providers/", {"kind": "demo", "name": "Demo"})
        product.conversations(product.agent(next(iter(product.models().values()))), 50)
        path, head = product.space + "conversations/?limit=50", driver.bearer(product.token)
        first, again = [], []
        for _ in range(rounds):
            rate, tag = _rate(product, path, head, b" 200")
            first.append(rate)
            again.append(_rate(product, path, head | {"If-None-Match": tag}, b" 304")[0])
            say(f"list of 50: {first[-1]:.0f} first reads, {again[-1]:.0f} unchanged, per CPU-second")
    finally:
        product.stop()
    return [
        Figure("P7", "list of 50, signed in, first read, requests per CPU-second", "", 400, first, at_least=True),
        Figure("P7", "the same, unchanged (304), requests per CPU-second", "", 3000, again, at_least=True),
    ]


def _rate(product: Installation, path: str, head: dict[str, str], wanted: bytes) -> tuple[float, str]:
    measured = product.measured
    cpu = measured.cpu()
    count, wrong, tag = asyncio.run(driver.get_again(product.port, path, head, wanted=wanted, seconds=3))
    if wrong:
        raise RuntimeError(f"{wrong} of {count} answers were not{wanted.decode()}")
    return count / max(0.01, measured.cpu() - cpu), tag


def cold_starts(folder: Path, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    seconds, memory = [], []
    with migrated(folder / "cold") as environment:
        for _ in range(rounds):
            took, held = cold_start(environment, settle=3)
            seconds.append(took)
            memory.append(held)
            say(f"cold start: {took:.2f} s, idle {held:.0f} MB")
    return [
        Figure("P8", "`manage.py serve` to its first answer", "s", 2.5, seconds),
        Figure("P8", "idle memory (PSS)", "MB", 120, memory),
    ]


class Poster(asyncio.Protocol):
    """Posts one message after the other on one connection."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] | None = None
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if found and len(body) >= int(wire.header(head, b"content-length") or 0) and self.answered:
            self.rest = b""
            self.answered.set_result(head)

    async def post(self, data: bytes) -> bytes:
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(data)  # type: ignore[attr-defined]
        return await self.answered


def run_starts(folder: Path, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Short runs of the demo model, posted ten a second and followed by nobody; without what the idle product uses."""
    product = installed(folder / "runs")
    try:
        product.call("POST", "providers/", {"kind": "demo", "name": "Demo"})
        agent = product.agent(next(iter(product.models().values())))
        asyncio.run(_post_runs(product, product.conversations(agent, 10), 0.1))  # imports are made once
        values = []
        for _ in range(rounds):
            chats = product.conversations(agent, RUNS)
            time.sleep(2)
            measured = product.measured
            cpu, began = measured.cpu(), time.monotonic()
            time.sleep(4)
            idle = (measured.cpu() - cpu) / (time.monotonic() - began)
            cpu, began = measured.cpu(), time.monotonic()
            asyncio.run(_post_runs(product, chats, 0.1))
            time.sleep(1.5)
            spent = measured.cpu() - cpu - idle * (time.monotonic() - began)
            for run in product.call("GET", f"runs/?limit={RUNS}")["results"]:
                if run["status"] != "succeeded":
                    raise RuntimeError(f"run {run['id']} is {run['status']}")
            values.append(spent / RUNS * 1000)
            say(f"a run's start: {values[-1]:.1f} ms of CPU (idle: {idle * 100:.1f} % of a core)")
    finally:
        product.stop()
    return [Figure("P9", "a short run, from the POST to its end, all-in", "ms CPU", 15, values)]


async def _post_runs(product: Installation, chats: list[str], pause: float) -> None:
    poster = Poster()
    await asyncio.get_running_loop().create_connection(lambda: poster, "127.0.0.1", product.port)
    for chat in chats:
        path = f"{product.space}conversations/{chat}/messages/"
        body = b'{"text": "hello [[tokens:3 gap:0]]"}'
        head = await poster.post(wire.request("POST", product.host, path, driver.bearer(product.token), body))
        if b" 202" not in head[:15]:
            raise RuntimeError(f"a message was refused: {head[:40]!r}")
        await asyncio.sleep(pause)
    poster.transport.close()
