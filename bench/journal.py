"""`python -m bench.journal [--events 10000000]`: does a large journal cost those who read and write it, and its prune?

A PostgreSQL of its own is filled with conversations of two runs, eight events each, as a question and an answer leave them.
Then the product's own code reads journals, appends, and lets go of what a workspace no longer keeps, while another thread
reads and appends on. What comes out stands in docs/figures.md and docs/operations.md.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.fixtures.fleet import Postgres

EVENTS_OF_RUN = 8
DAYS = 400
"""The runs are spread over so many days; a tenth of them is older than what is kept."""
KEPT_DAYS = 360
SAMPLE = 2_000

# Ids are random after their time, as the product's are; texts do not compress to nothing.
_ID = "'{prefix}_' || lpad(to_hex(({n})::bigint), 12, '0') || substr(md5(({n})::text || '{prefix}'), 1, 14)"
_AT = f"now() - interval '{DAYS} days' + interval '{DAYS} days' * ({{n}}::float / %(runs)s)"
_TEXT = "(SELECT string_agg(md5(n::text || i::text), ' ') FROM generate_series(1, 12) i)"
_KINDS = (
    ("run.queued", '{"agent": "agt_00000000000000000000000000", "agent_name": "Helper", "version": 1, "draft": false, '
     '"conversation": "cnv_00000000000000000000000000", "model_name": "demo", '
     '"request_id": "req_00000000000000000000000000", "input": {"message": "msg_00000000000000000000000000", "text":"@"}}'),
    ("run.started", '{"attempt": 1}'),
    ("step.started", '{"step": 1, "model": "mdl_00000000000000000000000000", "model_name": "demo"}'),
    ("message.started", '{"message": "msg_00000000000000000000000000", "role": "assistant", "step": 1}'),
    ("usage.recorded", '{"step": 1, "message": "msg_00000000000000000000000000", "input_tokens": 40, "output_tokens": 100, '
     '"reasoning_tokens": 0, "cached_tokens": 0, "cost": null, "model_name": "demo"}'),
    ("message.completed", '{"message": "msg_00000000000000000000000000", "role": "assistant", "text": "@", '
     '"finish": "stop"}'),
    ("step.completed", '{"step": 1, "first_token_ms": 120, "duration_ms": 900}'),
    ("run.succeeded", "{}"),
)  # fmt: skip


def fill(cursor: Any, *, runs: int, world: dict[str, str]) -> None:
    """Conversations of two runs each, their messages and journals, oldest first, by the database's own hand."""
    values = {"runs": runs, **world}
    n = "n"
    at, run = _AT.format(n=n), _ID.format(prefix="run", n=n)
    thread = _ID.format(prefix="cnv", n="(n / 2 * 2)")
    cursor.execute("SET session_replication_role = replica")  # what it refers to is there: no need to look each time
    cursor.execute(
        "INSERT INTO agents_conversation (id, workspace_id, owner_id, agent_id, title, is_draft, pinned, archived, "
        f"active_at, created_at, updated_at) SELECT {thread}, %(workspace)s, %(user)s, %(agent)s, 'A chat', false, false, "
        f"false, {at}, {at}, {at} FROM generate_series(0, %(runs)s - 1, 2) n",
        values,
    )
    cursor.execute(
        "INSERT INTO agents_run (id, workspace_id, agent_id, version_id, conversation_id, started_by_id, token, "
        "request_id, status, stop_reason, error_code, error_detail, output_text, attempts, last_seq, input_tokens, "
        "output_tokens, reasoning_tokens, cached_tokens, cost_currency, started_at, ended_at, lease_epoch, lease_holder, "
        f"created_at, updated_at) SELECT {run}, %(workspace)s, %(agent)s, %(version)s, {thread}, %(user)s, '', '', "
        f"'succeeded', 'stop', '', '', {_TEXT}, 1, {EVENTS_OF_RUN}, 40, 100, 0, 0, '', {at}, {at}, 1, '', {at}, {at} "
        "FROM generate_series(0, %(runs)s - 1) n",
        values,
    )
    for seq, role in ((1, "user"), (6, "assistant")):
        cursor.execute(
            "INSERT INTO agents_message (id, conversation_id, run_id, seq, role, text, reasoning, finish, tool_calls, "
            f"cost_currency, at) SELECT {_ID.format(prefix='msg', n=f'n * 2 + {seq % 2}')}, {thread}, {run}, {seq}, "
            f"'{role}', {_TEXT}, '', '', '[]', '', {at} FROM generate_series(0, %(runs)s - 1) n",
            values,
        )
    case = " ".join(
        f"WHEN {seq} THEN replace('{document}', '@', {_TEXT})" if "@" in document else f"WHEN {seq} THEN '{document}'"
        for seq, (_, document) in enumerate(_KINDS, start=1)
    )
    names = " ".join(f"WHEN {seq} THEN '{name}'" for seq, (name, _) in enumerate(_KINDS, start=1))
    cursor.execute(
        f"INSERT INTO agents_runevent (run_id, seq, type, at, event) SELECT {run}, seq, CASE seq {names} END, {at}, "
        f"(CASE seq {case} END)::jsonb || jsonb_build_object('type', CASE seq {names} END) "
        f"FROM generate_series(0, %(runs)s - 1) n, generate_series(1, {EVENTS_OF_RUN}) seq",
        values,
    )
    cursor.execute("SET session_replication_role = DEFAULT")


def make_world() -> dict[str, str]:
    """What the runs belong to."""
    from accounts.models import User, Workspace
    from agents.models import Agent, AgentVersion

    space, user = Workspace.objects.create(name="Large", slug="large"), User.objects.create(email="large@example.com")
    agent = Agent.objects.create(workspace=space, name="Helper", owner=user)
    version = AgentVersion.objects.create(
        workspace=space, agent=agent, number=1, content_hash="0" * 64, model_id="mdl", model_name="demo"
    )
    return {"workspace": space.pk, "user": user.pk, "agent": agent.pk, "version": version.pk}


def timed(work: Callable[[str], object], runs: Sequence[str]) -> list[float]:
    """Milliseconds of each."""
    took = []
    for run in runs:
        began = time.perf_counter()
        work(run)
        took.append((time.perf_counter() - began) * 1000)
    return took


def shown(took: Sequence[float]) -> str:
    ordered = sorted(took)
    return (
        f"{statistics.median(ordered):.2f} ms (99 of 100 below {ordered[int(len(ordered) * 0.99)]:.1f}, "
        f"longest {ordered[-1]:.1f})"
    )


class Traffic:
    """Somebody who reads journals and appends to one while the prune goes on."""

    def __init__(self, kept: Sequence[str], *, after_seq: int) -> None:
        self.kept, self.seq, self.over = kept, after_seq, threading.Event()
        self.reads: list[float] = []
        self.appends: list[float] = []
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self.over.is_set() or not self.appends:
            self.seq += 1
            self.reads += timed(read, [random.choice(self.kept)])  # which one does not matter
            self.appends += timed(lambda run: append(run, self.seq), [self.kept[0]])
            time.sleep(0.01)


def read(run: str) -> object:
    from agents.runtime.reading import read_events

    return read_events(run, after=0)


def append(run: str, seq: int) -> None:
    from agents.models import RunEvent
    from core.clock import now

    RunEvent.objects.create(
        run_id=run, seq=seq, type="tool.progress", at=now(), event={"type": "tool.progress", "call": "c"}
    )


def size_of(cursor: Any, table: str) -> str:
    cursor.execute("SELECT pg_relation_size(%s), pg_indexes_size(%s)", [table, table])
    rows, indexes = cursor.fetchone()
    return f"{rows / 1e9:.2f} GB and {indexes / 1e9:.2f} GB of indexes"


def measure(events: int) -> None:
    from django.db import connection

    from agents.models import Run, RunEvent
    from core.clock import now
    from privacy.retention import apply_retention, retention_of

    runs = events // EVENTS_OF_RUN
    world = make_world()
    with connection.cursor() as cursor:
        began = time.monotonic()
        fill(cursor, runs=runs, world=world)
        for table in ("agents_run", "agents_runevent", "agents_message", "agents_conversation"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        print(f"filled with {events:,} events of {runs:,} runs in {time.monotonic() - began:.0f} s", flush=True)
        for table in ("agents_runevent", "agents_run", "agents_message"):
            print(f"{table}: {size_of(cursor, table)}", flush=True)
    kept = Run.objects.filter(ended_at__gt=now() - timedelta(days=KEPT_DAYS - 10))
    ids = list(kept.order_by().values_list("pk", flat=True))
    sample = random.sample(ids, min(SAMPLE, len(ids)))
    print(f"a run's journal, first time: {shown(timed(read, sample))}", flush=True)
    print(f"a run's journal, again: {shown(timed(read, sample))}", flush=True)
    print(f"an event appended: {shown(timed(lambda run: append(run, 90), sample[:500]))}", flush=True)
    policy = retention_of(world["workspace"])
    for name, days in (("with something to let go of", KEPT_DAYS), ("with nothing to let go of", KEPT_DAYS)):
        type(policy).objects.filter(pk=policy.pk).update(run_days=days, next_at="2020-01-01T00:00:00Z")
        before = RunEvent.objects.count(), Run.objects.count()
        looks: list[float] = []
        began = time.monotonic()
        with Traffic(sample, after_seq=RunEvent.objects.filter(run_id=sample[0]).count() + 100) as traffic:
            while True:
                looked = time.monotonic()
                gone = apply_retention(policy.pk)
                looks.append(time.monotonic() - looked)
                if not gone or not type(policy).objects.filter(pk=policy.pk, next_at__lte=now()).exists():
                    break
        took, fewer = time.monotonic() - began, before[0] - RunEvent.objects.count() + len(traffic.appends)
        print(
            f"retention {name}: {before[1] - Run.objects.count():,} runs, {fewer:,} events in {took:.1f} s, in "
            f"{len(looks)} looks of up to {max(looks):.1f} s",
            flush=True,
        )
        print(f"  meanwhile a journal: {shown(traffic.reads)}; an event appended: {shown(traffic.appends)}", flush=True)
    with connection.cursor() as cursor:
        began = time.monotonic()
        cursor.execute("VACUUM (ANALYZE) agents_runevent")
        print(f"vacuum after it: {time.monotonic() - began:.1f} s; {size_of(cursor, 'agents_runevent')}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    postgres = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="aap-journal-") as folder:
            os.environ.update(
                DATABASE_URL=postgres.address,
                DATA_DIR=str(Path(folder)),
                DJANGO_SETTINGS_MODULE="platform_site.settings.local",
            )
            import django

            django.setup()
            measure(events)
    finally:
        postgres.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
