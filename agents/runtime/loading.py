"""Claims a run and reads all that is needed to carry it on, in one visit to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q

from accounts.selectors import live_tokens
from agents.engine.events import EventMalformed, RunQueued, from_json
from agents.engine.ports import Interjection, Resolution
from agents.engine.state import JournalBroken, RunState, fold, inherit
from agents.models import AgentVersion, Decision, MessageChunk, Run, RunEvent
from agents.models import Interjection as Saying
from agents.runtime.history import load_history
from agents.runtime.lease import claim_run
from agents.runtime.projection import Projector, StoredEvent, project_run
from core.clock import now
from core.prepared import Prepared, columns, instance
from llm_providers.errors import ProviderError
from llm_providers.gateway import ResolvedModel, resolve_now
from llm_providers.protocol import ChatMessage


@dataclass(slots=True)
class ClaimedRun:
    """A run whose lease is ours. `broken` says why its journal cannot be carried on, None if it can."""

    run: Run
    state: RunState
    projector: Projector
    history: tuple[ChatMessage, ...]
    omitted: int
    saved: dict[str, tuple[str, str]]
    broken: str | None = None
    spoken_to: bool = False
    """The person said something that the journal does not hold yet."""
    waited: float = 0.0
    """For how many seconds it waited for people, in all: time that its limit does not count."""
    resolutions: dict[str, Resolution] = field(default_factory=dict)
    agent_name: str = ""
    """As it was called when the run was started."""
    model: ResolvedModel | None = None
    """Looked up with the claim, for the first call; None if it cannot be used (the call itself will say why)."""


_RUN = Prepared(
    lambda value: (
        Run.objects.filter(pk=value("run"))
        .annotate(spoken_to=Exists(Saying.objects.filter(run=OuterRef("pk"), taken=False)))
        .values_list("spoken_to", *columns(Run), *columns(AgentVersion, "version"))
    )
)
_RUN_WIDTH = len(columns(Run))
_JOURNAL = Prepared(
    lambda value: RunEvent.objects.filter(run_id=value("run")).order_by("seq").values_list("seq", "at", "event")
)


def _read_run(run_id: str) -> tuple[Run, bool]:
    row = _RUN.row(run=run_id)
    if row is None:
        raise Run.DoesNotExist
    run = instance(Run, row[1 : _RUN_WIDTH + 1])
    run.version = instance(AgentVersion, row[_RUN_WIDTH + 1 :])
    return run, bool(row[0])


def claim_and_load(run_id: str) -> ClaimedRun | None:
    """None when there is nothing to do: the run ended, somebody holds it, or it is not its turn."""
    if not claim_run(run_id):
        return None
    # No transaction: what is read here changes only by the lease's holder, and on SQLite one would lock out writers.
    run, spoken_to = _read_run(run_id)
    rows = _JOURNAL.rows(run=run_id)
    saved = load_saved_text(run_id) if run.attempts else {}
    history, omitted = ((), 0) if run.continues_seq is not None else load_history(run.conversation_id, before=run_id)
    try:
        inherited = None
        if run.continues_seq is not None:
            first, inherited = _inherited(run)
            history, omitted = load_history(run.conversation_id, before=first)
        stored = [(seq, at, from_json(event)) for seq, at, event in rows]
        state = fold((event for _, _, event in stored), inherited)
        projector = project_run(run, stored)
    except (EventMalformed, JournalBroken) as error:
        return ClaimedRun(run, RunState(), _blank(run), history, omitted, saved, broken=str(error))
    if state.ended or [seq for seq, _, _ in stored] != list(range(1, run.last_seq + 1)):
        return ClaimedRun(run, state, projector, history, omitted, saved, broken="row and journal differ")
    projector.take_changes()  # these are in the tables already
    return ClaimedRun(
        run,
        state,
        projector,
        history,
        omitted,
        saved,
        spoken_to=spoken_to,
        waited=_seconds_waited(stored),
        resolutions=_resolutions(run_id) if state.open_decisions else {},
        agent_name=next((event.agent_name for _, _, event in stored[:1] if isinstance(event, RunQueued)), ""),
        model=_model_of(run),
    )


def _inherited(run: Run) -> tuple[str, RunState]:
    """(the first run of the chain that this one continues, the state it begins with)."""
    chain: list[tuple[str, int]] = []
    link: tuple[str | None, int | None] = run.continues_id, run.continues_seq
    while link[0] is not None and link[1] is not None:
        chain.append((link[0], link[1]))
        link = Run.objects.values_list("continues_id", "continues_seq").get(pk=link[0])
    state = RunState()
    for base, seq in reversed(chain):
        rows = RunEvent.objects.filter(run_id=base, seq__lte=seq).order_by("seq").values_list("event", flat=True)
        state = inherit(fold((from_json(event) for event in rows), state))
    return (chain[-1][0] if chain else run.id), state


def _resolutions(run_id: str) -> dict[str, Resolution]:
    rows = Decision.objects.filter(run_id=run_id, status=Decision.Status.RESOLVED)
    return {pk: Resolution(made, text) for pk, made, text in rows.values_list("pk", "resolution", "result")}


def read_interjections(run_id: str) -> list[Interjection]:
    """What was said to the run and is not in its journal, in order; nothing that was said with a token that is over."""
    rows = Saying.objects.filter(run_id=run_id, taken=False).order_by("created_at", "id")
    heard = rows.filter(Q(token="") | Q(token__in=live_tokens().values("pk")))
    return [Interjection(message, text) for message, text in heard.values_list("pk", "text")]


def _seconds_waited(stored: Sequence[StoredEvent]) -> float:
    total, since = 0.0, None
    for _, at, event in stored:
        if event.type == "run.waiting":
            since = at
        elif event.type == "run.resumed" and since is not None:
            total += (at - since).total_seconds()
            since = None
    return total if since is None else total + (now() - since).total_seconds()


def _model_of(run: Run) -> ResolvedModel | None:
    try:
        return resolve_now(run.workspace_id, run.version.model_id)
    except ProviderError:
        return None


def load_saved_text(run_id: str) -> dict[str, tuple[str, str]]:
    """{message: (text, reasoning)} of the messages of a run that are open, as far as their text was saved."""
    parts: dict[str, dict[str, list[str]]] = {}
    lengths: dict[tuple[str, str], int] = {}
    rows = MessageChunk.objects.filter(run_id=run_id).order_by("message", "part", "offset")
    for message, part, offset, text in rows.values_list("message", "part", "offset", "text"):
        if lengths.get((message, part), 0) != offset:
            continue  # a piece is missing before this one: what follows has no place
        lengths[message, part] = offset + len(text)
        parts.setdefault(message, {"text": [], "reasoning": []})[part].append(text)
    return {message: ("".join(by["text"]), "".join(by["reasoning"])) for message, by in parts.items()}


def _blank(run: Run) -> Projector:
    return Projector(run=run.id, conversation=run.conversation_id, workspace=run.workspace_id)
