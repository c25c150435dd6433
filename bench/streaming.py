"""P1, P2, P3 and P5: what a token costs, how late it comes, how soon the first one comes, how fast fast models go."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import driver
from bench.processes import Installation, Measured, installed, module
from bench.table import Figure
from tests.fixtures.product import free_port

PACE = "pace-t100-g50-d50"
SHORT = "pace-t5-g20-d20"
BURST_STREAMS, BURST = 16, "pace-t2000-g0-d20"
_P1_GOALS = {50: 0.30, 200: 0.22}
_P3_GOALS = {50: 40.0, 200: 120.0}
_P2_GOAL = 5.0


@dataclass
class Side:
    """One way from the upstream to the reader."""

    port: int
    process: Measured | None
    readers: Callable[[driver.Streams, int, str], Sequence[driver.Reader]]
    prepare: Callable[[], object] = lambda: None

    def run(self, count: int, model: str, *, timeout: float = 60) -> tuple[driver.Streams, float]:
        """The streams and the CPU-seconds that this side's process used for them, with all that belongs to them: sockets,
        messages, runs. Not a sign-in with its password, which is made slow on purpose."""
        self.prepare()
        before = self.process.cpu() if self.process else 0.0
        streams = driver.Streams()

        async def go() -> None:
            await driver.run_streams(list(self.readers(streams, count, model)), self.port, timeout=timeout)

        asyncio.run(go())
        time.sleep(0.7)  # what is still to be written down belongs to it
        return streams, (self.process.cpu() if self.process else 0.0) - before


def measure(
    folder: Path, wanted: set[str], levels: Sequence[int], rounds: int, say: Callable[[str], None]
) -> list[Figure]:
    models = (PACE, SHORT, BURST)
    upstream_port, relay_port = free_port(), free_port()
    figures: list[Figure] = []
    with (
        module("upstream", str(upstream_port), *models),
        module("relay", str(relay_port), str(upstream_port)) as relay,
    ):
        product = installed(folder / "streams", AAP_ALLOWED_PRIVATE_HOSTS=f"127.0.0.1:{upstream_port}")
        try:
            direct_side = Side(upstream_port, None, lambda s, n, m: _direct(s, n, m, upstream_port))
            relay_side = Side(relay_port, relay, lambda s, n, m: _relayed(s, n, m, relay_port))
            ids = product.connect(upstream_port)
            most = max([*levels, BURST_STREAMS])
            chats = {name: product.conversations(product.agent(ids[name]), most) for name in models}
            product_side = Side(
                product.port, product.measured, lambda s, n, m: _followed(s, n, m, product, chats[m]), product.sign_in
            )
            product_side.run(4, SHORT)  # imports and connections are made once
            sides = (direct_side, relay_side, product_side)
            if wanted & {"P3"}:
                figures += _first_token(sides, rounds, say)
            for level in levels:
                if wanted & {"P1", "P2", "P3"}:
                    figures += [one for one in _paced(sides, level, rounds, say) if one.name in wanted]
            if wanted & {"P5"}:
                figures += _burst(sides, rounds, say)
        finally:
            product.stop()
    return figures


def _direct(streams: driver.Streams, count: int, model: str, port: int) -> list[driver.Reader]:
    expected = _expected(model)
    return [driver.Direct(streams, expected, host=f"127.0.0.1:{port}", model=model) for _ in range(count)]


def _relayed(streams: driver.Streams, count: int, model: str, port: int) -> list[driver.Reader]:
    expected = _expected(model)
    return [driver.Relayed(streams, expected, host=f"127.0.0.1:{port}", model=model) for _ in range(count)]


def _followed(
    streams: driver.Streams, count: int, model: str, product: Installation, chats: Sequence[str]
) -> list[driver.Reader]:
    return [
        driver.Followed(
            streams, _expected(model), host=product.host, token=product.token, space=product.space, conversation=chat
        )
        for chat in chats[:count]
    ]


def _expected(model: str) -> int:
    from bench.upstream import pace_of

    return pace_of(model)[0]


def _paced(sides: tuple[Side, Side, Side], level: int, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    direct, relay, product = sides
    cost, floor_cost, late, floor_late, first, faults = [], [], [], [], [], []
    for number in range(rounds):
        order = (direct, relay, product) if number % 2 == 0 else (product, relay, direct)
        found = {id(side): side.run(level, PACE) for side in order}
        (raw, _), (bare, bare_cpu), (ours, cpu) = (found[id(side)] for side in sides)
        cost.append(cpu / max(1, ours.tokens) * 1000)
        floor_cost.append(bare_cpu / max(1, bare.tokens) * 1000)
        late.append(max(0.0, ours.p99 - raw.p99))
        floor_late.append(max(0.1, bare.p99))  # its whole p99: what it adds is next to nothing, and no divisor
        first.append(ours.first - raw.first)
        if ours.lost or ours.disorder or ours.failed:
            faults.append(ours.faults)
        say(f"{level} streams, round {number + 1}: {cost[-1]:.3f} CPU-s per 1,000, p99 +{late[-1]:.1f} ms, "
            f"first token +{first[-1]:.0f} ms; {ours.faults}")  # fmt: skip
    note = "; ".join(faults)
    size = f"{level} streams x 20 tokens/s"
    return [
        Figure(
            "P1", f"CPU per 1,000 tokens, {size}", "CPU-s", _P1_GOALS.get(level), cost, floor_cost, "relay", note=note
        ),
        Figure(
            "P2", f"added latency over direct, p99, {size}", "ms", _P2_GOAL, late, floor_late, "relay's p99", note=note
        ),
        Figure("P3", f"first token over direct, p50, {level} at once", "ms", _P3_GOALS.get(level), first, note=note),
    ]


def _first_token(sides: tuple[Side, Side, Side], rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """One stream at a time, each in a quiet product."""
    direct, _, product = sides
    values = []
    for number in range(rounds):
        raw, ours = [], []
        for _ in range(10):
            raw += direct.run(1, SHORT)[0].firsts
            ours += product.run(1, SHORT)[0].firsts
        values.append(statistics.median(ours) - statistics.median(raw))
        say(f"one stream, round {number + 1}: first token +{values[-1]:.1f} ms")
    return [Figure("P3", "first token over direct, p50 of 10, one stream", "ms", 15.0, values)]


def _burst(sides: tuple[Side, Side, Side], rounds: int, say: Callable[[str], None]) -> list[Figure]:
    _, relay, product = sides
    values, floors, faults = [], [], []
    for number in range(rounds):
        bare, bare_cpu = relay.run(BURST_STREAMS, BURST)
        ours, cpu = product.run(BURST_STREAMS, BURST)
        floors.append(bare.tokens / max(0.01, bare_cpu))
        values.append(ours.tokens / max(0.01, cpu))
        if ours.lost or ours.disorder or ours.failed:
            faults.append(ours.faults)
        say(f"burst, round {number + 1}: {values[-1]:,.0f} tokens per CPU-second; {ours.faults}")
    what = f"fast models, {BURST_STREAMS} x 2,000 tokens, tokens per CPU-second"
    return [Figure("P5", what, "tokens", 20_000, values, floors, "relay", at_least=True, note="; ".join(faults))]
