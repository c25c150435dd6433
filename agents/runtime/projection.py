"""From the journal to the rows that lists and the API read: columns of Run, rows of Message.

One fold serves both the live path (each commit, in the same transaction) and the rebuild from nothing, so the two cannot
differ. Must not know: who commits, sockets, the engine's loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from agents.engine import events as ev
from agents.engine.events import Event, from_json
from agents.models import Conversation, Decision, Interjection, Message, MessageChunk, Run, RunEvent
from core.clock import now, rfc3339
from core.rows import insert_rows

StoredEvent = tuple[int, datetime, Event]


@dataclass(slots=True)
class Changes:
    """What one commit changes besides the journal itself."""

    run: dict[str, Any] = field(default_factory=dict)
    new_messages: list[Message] = field(default_factory=list)
    changed_messages: list[Message] = field(default_factory=list)
    new_decisions: list[Decision] = field(default_factory=list)
    expired_decisions: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Interjections that are messages of the journal now."""
    spoken_at: datetime | None = None
    closes_text: bool = False
    """A message ended or was dropped: its saved pieces of text go."""


class Projector:
    """The fold for one run. Feed it every event from the first; `take_changes` after each commit's worth."""

    def __init__(self, *, run: str, conversation: str, workspace: str) -> None:
        self._run_id = run
        self._conversation_id = conversation
        self._workspace_id = workspace
        self._columns: dict[str, Any] = {}
        self._tokens = {"input_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0, "cached_tokens": 0}
        self._cost: Decimal | None = Decimal(0)
        self._currency = ""
        self._output = ""
        self._reasoning: dict[str, str] = {}
        self._messages: dict[str, Message] = {}
        self._of_call: dict[str, tuple[Message, dict[str, Any]]] = {}
        self._new: dict[str, Message] = {}
        self._changed: dict[str, Message] = {}
        self._decisions: list[Decision] = []
        self._expired: list[str] = []
        self._taken: list[str] = []
        self._spoken_at: datetime | None = None
        self._closes_text = False

    def apply(self, seq: int, at: datetime, event: Event) -> None:
        match event:
            case ev.RunQueued():
                self._columns["status"] = Run.Status.QUEUED
                if event.input is not None:
                    self._add_message(event.input["message"], seq, at, role="user", text=event.input["text"])
            case ev.RunStarted():
                self._columns |= {"status": Run.Status.RUNNING, "attempts": event.attempt, "started_at": at}
            case ev.RunResumed():
                self._columns |= {"status": Run.Status.RUNNING, "attempts": event.attempt}
            case ev.RunWaiting():
                self._columns |= {"status": Run.Status.WAITING, "lease_until": None, "lease_holder": ""}
            case ev.DecisionRequested():
                self._request_decision(at, event)
            case ev.DecisionExpired():
                self._expired.append(event.decision)
            case ev.RunSucceeded():
                self._end(at, Run.Status.SUCCEEDED, "completed")
            case ev.RunFailed():
                self._end(at, Run.Status.FAILED, event.code[:40], error=(event.code[:60], event.detail))
            case ev.RunCancelled():
                self._end(at, Run.Status.CANCELLED, "cancelled")
            case ev.ReasoningCompleted():
                self._reasoning[event.message] = event.text
            case ev.MessageCompleted() if event.role == "user":
                self._add_message(event.message, seq, at, role="user", text=event.text)
                self._taken.append(event.message)
            case ev.MessageCompleted():
                self._complete_message(seq, at, event)
            case ev.StepRestarted():
                self._closes_text = True
            case ev.UsageRecorded():
                self._record_usage(event)
            case ev.ToolRequested():
                self._request_call(event)
            case ev.ToolStarted():
                self._change_call(event.call, {"started_at": rfc3339(at)})
            case ev.ToolCompleted():
                done = {"outcome": event.outcome, "result": event.result, "completed_at": rfc3339(at)}
                self._change_call(event.call, done)
            case ev.ToolUnknown():
                self._change_call(event.call, {"outcome": "unknown", "completed_at": rfc3339(at)})
            case _:
                pass

    def take_changes(self) -> Changes:
        """Everything since the last call."""
        changes = Changes(
            self._columns,
            list(self._new.values()),
            [message for key, message in self._changed.items() if key not in self._new],
            self._decisions,
            self._expired,
            self._taken,
            self._spoken_at,
            self._closes_text,
        )
        self._columns, self._new, self._changed, self._spoken_at, self._closes_text = {}, {}, {}, None, False
        self._decisions, self._expired, self._taken = [], [], []
        return changes

    def _add_message(self, message_id: str, seq: int, at: datetime, **fields: Any) -> Message:
        message = Message(
            id=message_id, run_id=self._run_id, conversation_id=self._conversation_id, seq=seq, at=at, **fields
        )
        message.tool_calls = []
        self._messages[message_id] = self._new[message_id] = message
        self._spoken_at = at
        return message

    def _complete_message(self, seq: int, at: datetime, event: ev.MessageCompleted) -> None:
        self._add_message(
            event.message,
            seq,
            at,
            role=event.role,
            text=event.text,
            reasoning=self._reasoning.pop(event.message, ""),
            finish=event.finish,
            vendor_state=event.vendor_state,
        )
        self._closes_text = True
        self._output = event.text
        self._columns["output_text"] = event.text

    def _record_usage(self, event: ev.UsageRecorded) -> None:
        counts = {name: getattr(event, name) for name in self._tokens}
        for name, count in counts.items():
            self._tokens[name] += count
        self._columns |= self._tokens
        cost = Decimal(event.cost["amount"]) if event.cost is not None else None
        self._currency = event.cost["currency"] if event.cost is not None else self._currency
        self._cost = None if cost is None or self._cost is None else self._cost + cost  # one unknown price: no sum
        self._columns |= {"cost_amount": self._cost, "cost_currency": self._currency if self._cost is not None else ""}
        message = self._messages.get(event.message)
        if message is not None:
            message.usage = counts
            message.cost_amount, message.cost_currency = cost, self._currency if cost is not None else ""
            self._changed[message.id] = message

    def _request_call(self, event: ev.ToolRequested) -> None:
        message = self._messages.get(event.message)
        if message is None:
            return
        call: dict[str, Any] = {
            "call": event.call,
            "name": event.name,
            "arguments": dict(event.arguments),
            "outcome": None,
            "result": None,
            "started_at": None,
            "completed_at": None,
        }
        message.tool_calls.append(call)
        self._of_call[event.call] = (message, call)
        self._changed[message.id] = message

    def _request_decision(self, at: datetime, event: ev.DecisionRequested) -> None:
        _, call = self._of_call.get(event.call or "", (None, {}))
        self._decisions.append(
            Decision(
                id=event.decision,
                workspace_id=self._workspace_id,
                run_id=self._run_id,
                kind=event.kind,
                call=event.call or "",
                tool=call.get("name", ""),
                arguments=call.get("arguments", {}),
                prompt=event.prompt or "",
                options=list(event.options or ()),
                created_at=at,
                updated_at=at,
            )
        )

    def _change_call(self, call_id: str, fields: dict[str, Any]) -> None:
        found = self._of_call.get(call_id)
        if found is not None:
            message, call = found
            call.update(fields)
            self._changed[message.id] = message

    def _end(self, at: datetime, status: str, reason: str, error: tuple[str, str] = ("", "")) -> None:
        self._columns |= {
            "status": status,
            "stop_reason": reason,
            "error_code": error[0],
            "error_detail": error[1],
            "ended_at": at,
            "lease_until": None,
            "lease_holder": "",
        }


_MESSAGE_FIELDS = ("tool_calls", "usage", "cost_amount", "cost_currency")


def write_messages(changes: Changes, *, run: str, conversation: str) -> None:
    """Store the messages and decisions of `changes`. Inside the caller's transaction."""
    insert_rows(changes.new_messages)
    insert_rows(changes.new_decisions)
    if changes.taken:
        Interjection.objects.filter(pk__in=changes.taken).update(taken=True)
    if changes.expired_decisions:
        Decision.objects.filter(pk__in=changes.expired_decisions, status=Decision.Status.OPEN).update(
            status=Decision.Status.EXPIRED, updated_at=now()
        )
    for message in changes.changed_messages:
        Message.objects.filter(pk=message.pk).update(**{name: getattr(message, name) for name in _MESSAGE_FIELDS})
    if changes.spoken_at is not None:
        table = connection.ops.quote_name(Conversation._meta.db_table)
        moment = connection.ops.adapt_datetimefield_value(changes.spoken_at)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET active_at = %s WHERE id = %s AND active_at < %s",  # noqa: S608  # our own name
                [moment, conversation, moment],
            )


def write_first_events(run: Run, events: Sequence[Event], *, at: datetime) -> None:
    """Write the first events of a new run and what follows from them, at epoch 0.

    For the service that starts runs: inside its transaction. Inserts `run` too, as it is after these events.
    """
    projector = Projector(run=run.id, conversation=run.conversation_id, workspace=run.workspace_id)
    rows = []
    for seq, event in enumerate(events, start=1):
        rows.append(RunEvent(run_id=run.id, seq=seq, type=event.type, at=at, event=event.to_json()))
        projector.apply(seq, at, event)
    changes = projector.take_changes()
    run.last_seq = len(rows)
    for name, value in changes.run.items():
        setattr(run, name, value)
    insert_rows([run])
    insert_rows(rows)
    write_messages(changes, run=run.id, conversation=run.conversation_id)


def project_run(run: Run, stored: Iterable[StoredEvent]) -> Projector:
    """The projector as it stands after these events, its changes not yet taken."""
    projector = Projector(run=run.id, conversation=run.conversation_id, workspace=run.workspace_id)
    for seq, at, event in stored:
        projector.apply(seq, at, event)
    return projector


def rebuild_messages(conversation: str) -> int:
    """Make a conversation's messages anew from its runs' journals; returns how many there are."""
    count = 0
    with transaction.atomic():
        Message.objects.filter(conversation_id=conversation).delete()
        for run in Run.objects.filter(conversation_id=conversation).order_by("id"):
            rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "at", "event")
            changes = project_run(run, ((seq, at, from_json(event)) for seq, at, event in rows)).take_changes()
            Message.objects.bulk_create(changes.new_messages)
            count += len(changes.new_messages)
    return count


def drop_saved_text(run: str) -> None:
    table = connection.ops.quote_name(MessageChunk._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE run_id = %s", [run])  # noqa: S608  # our own name
