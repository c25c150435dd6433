"""Carries one run on, from its claim to its end: fold the journal, drive the engine, store what it yields.

The only place where engine and journal meet. Recovery is no other path: whoever claims the run calls this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing

from agents.engine.events import TERMINAL_TYPES, Event
from agents.engine.limits import STOP_MAX_SECONDS, Limits
from agents.engine.loop import advance, failure_events
from agents.engine.ports import EnginePorts, Interjection, RunSpec, TextPart
from agents.runtime import lease
from agents.runtime.group_commit import StaleLease, writer
from agents.runtime.host import LEFT_OVER_KIND, RUN_KIND, LiveRun, host
from agents.runtime.hub import hub
from agents.runtime.journal import RunJournal
from agents.runtime.loading import ClaimedRun, claim_and_load, read_interjections
from agents.runtime.metrics import count_events
from agents.runtime.notices import Notice, notices
from agents.runtime.ports import AgentTools, GatewayModel, limits_of
from agents.runtime.spans import carrying, note_events
from core.clock import now
from core.db import in_db, is_database_away, is_disk_full
from core.ids import new_id
from core.request_context import begin_request, belongs_to
from core.stop import StopSignal
from core.tracing import Span
from jobs.bells import ring

log = logging.getLogger(__name__)

_NOTICED = TERMINAL_TYPES | {
    "run.started", "run.waiting", "run.resumed", "decision.requested", "decision.expired",
}  # fmt: skip


async def carry_on(run_id: str) -> None:
    """Do what is to be done for this run now; nothing if there is nothing."""
    claimed = await in_db(claim_and_load, run_id)
    if claimed is None:
        return
    run = claimed.run
    begin_request(run.request_id)
    belongs_to(run=run.id, workspace=run.workspace_id, user=run.started_by_id)
    if claimed.state.step is not None:
        belongs_to(step=str(claimed.state.step.number))
    with carrying(claimed) as span:
        await _hold(claimed, span)


async def _hold(claimed: ClaimedRun, span: Span | None) -> None:
    run = claimed.run
    run_id = run.id
    channel = hub.channel(run_id)
    channel.adopt(run.last_seq, held=True)
    journal = RunJournal(
        run=run_id,
        conversation=run.conversation_id,
        epoch=run.lease_epoch,
        last_seq=run.last_seq,
        projector=claimed.projector,
        channel=channel,
        writer=writer,
        purge_first=bool(claimed.saved),
    )
    stop = StopSignal()
    if run.cancel_requested_at is not None:
        stop.request("cancelled")
    task = asyncio.current_task()
    assert task is not None
    live = LiveRun(stop, journal, task, spoken_to=claimed.spoken_to, span=span)
    host.enter(run_id, live, epoch=run.lease_epoch)
    try:
        await _drive(claimed, journal, live)
    except StaleLease:
        log.warning("run %s: another worker has taken it over", run_id)
    except asyncio.CancelledError:
        if not journal.lost:
            await asyncio.shield(_give_back(run_id, run.lease_epoch))
        raise
    except Exception as error:
        if is_disk_full(error) or is_database_away(error):  # no fault of the run's: whoever takes it next goes on
            log.warning("run %s: the database is away (%s); it is carried on later", run_id, error)
            await _give_back(run_id, run.lease_epoch)
        else:
            log.exception("run %s (request %s) failed inside", run_id, run.request_id)
            await _fail(claimed, journal, span)
    finally:
        host.leave(run_id)
    if journal.following is not None:
        ring(RUN_KIND, journal.following)
    if live.spoken_to:
        ring(LEFT_OVER_KIND, run_id)


async def _drive(claimed: ClaimedRun, journal: RunJournal, held: LiveRun) -> None:
    stop = held.stop
    if claimed.broken is not None:
        raise RuntimeError(f"the journal cannot be carried on: {claimed.broken}")
    run = claimed.run
    limits = limits_of(run)

    def check_lease() -> None:
        if journal.lost:
            raise StaleLease(run.id)

    def live(message: str, part: TextPart, text: str) -> None:
        host.emit(journal, message, part, text)

    async def interjections() -> Sequence[Interjection]:
        if not held.spoken_to:
            return ()
        held.spoken_to = False
        return await in_db(read_interjections, run.id)

    ports = EnginePorts(
        spec=RunSpec(
            model=run.version.model_id,
            model_name=run.version.model_name,
            instructions=run.version.instructions,
            limits=limits,
            history=claimed.history,
            omitted=claimed.omitted,
            context_window=claimed.model.context_window if claimed.model is not None else None,
        ),
        model=GatewayModel(run, stop, claimed.model, writer.also),
        tools=AgentTools(run, check_lease),
        stop=stop,
        live=live,
        new_id=new_id,
        monotonic=time.monotonic,
        saved_text=lambda message: claimed.saved.get(message, ("", "")),
        resolutions=claimed.resolutions,
        interjections=interjections,
    )
    timer = _start_timer(claimed, limits, stop)
    try:
        async with aclosing(advance(claimed.state, ports)) as commits:  # type: ignore[type-var]
            async for events in commits:
                await journal.append(events)
                _notice(claimed, events, held.span)
    finally:
        timer.cancel()


def _start_timer(claimed: ClaimedRun, limits: Limits, stop: StopSignal) -> asyncio.TimerHandle:
    spent = (now() - claimed.run.started_at).total_seconds() if claimed.run.started_at is not None else 0.0
    left = max(0.0, limits.max_seconds - (spent - claimed.waited))
    return asyncio.get_running_loop().call_later(left, stop.request, STOP_MAX_SECONDS)


async def _fail(claimed: ClaimedRun, journal: RunJournal, span: Span | None) -> None:
    run = claimed.run
    detail = (
        f"Something went wrong inside the server. Try again; if it stays so, tell the operator this: {run.request_id}."
    )
    step = claimed.state.step
    text, reasoning = "", ""
    channel = hub.channels.get(run.id)
    if step is not None and step.message is not None:
        opened = channel.open.get(step.message) if channel is not None else None
        if opened is not None:
            text, reasoning = opened.text.text_from(0), opened.reasoning.text_from(0)
        else:
            text, reasoning = claimed.saved.get(step.message, ("", ""))
    events = failure_events(claimed.state, code="internal_error", detail=detail, text=text, reasoning=reasoning)
    try:
        await journal.append(events)
        _notice(claimed, events, span)
    except Exception:
        log.exception("run %s: its failure could not be written; the next holder will see to it", run.id)


async def _give_back(run: str, epoch: int) -> None:
    host.save_texts()
    await asyncio.wrap_future(writer.flush())
    await in_db(lease.release_run, run, epoch)
    ring(RUN_KIND, run)  # where others work too: at once, not when a sweep finds it


def _notice(claimed: ClaimedRun, events: Sequence[Event], span: Span | None) -> None:
    run = claimed.run
    count_events(events, run)
    note_events(span, events)
    for event in events:
        if event.type in _NOTICED:
            notices.announce(Notice(run.id, run.conversation_id, run.workspace_id, run.started_by_id, event.type))
