"""The only way to write: authorise, open the transaction, do it, record it, ring after the commit.

    @action("agent.publish", requires=Permission.AGENT_PUBLISH, on="agent")
    def publish_agent(act: Action, *, agent: Agent, notes: str) -> AgentVersion: ...

    version = publish_agent(actor, agent=agent, notes="…")

The audit entry is written in the same transaction: without it, nothing happened. A refusal is recorded too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Model

from audit import record
from audit.kinds import register_kind
from core.authz import Actor, Permission, authorize
from core.errors import PermissionDenied
from core.text_policy import clean_json

P = ParamSpec("P")
T = TypeVar("T")


class Verb(NamedTuple):
    """What an action asks for, and the function that asks."""

    requires: Permission | None
    perform: Callable[..., Any]


ACTIONS: dict[str, Verb] = {}


class Action:
    """One change under way: who makes it, where, and what the audit entry will say."""

    __slots__ = ("_data", "_target", "actor", "kind", "outcome", "workspace_id")

    def __init__(self, kind: str, actor: Actor) -> None:
        self.kind = kind
        self.actor = actor
        self.workspace_id: str = actor.workspace_id or ""
        self.outcome = "done"
        self._target: tuple[str, str] = ("", "")
        self._data: dict[str, Any] = {}

    @property
    def person_id(self) -> str:
        """The id of the person who acts; PermissionDenied for actions that only people can take."""
        if self.actor.user_id is None:
            raise PermissionDenied("Only a person can do this.")
        return self.actor.user_id

    def target(self, obj: Model) -> None:
        """Name the object that the entry is about."""
        self._target = (type(obj).__name__.lower(), str(obj.pk))

    def name_target(self, kind: str, pk: str) -> None:
        """The same for something that has no row here (any more)."""
        self._target = (kind, pk)

    def record(self, **data: Any) -> None:
        """Add facts to the entry. Never secrets, never free text of people: ids, names of fields, numbers."""
        self._data.update(clean_json(data))

    def write_entry(self) -> None:
        record.write_entry(
            self.actor,
            kind=self.kind,
            outcome=self.outcome,
            target=self._target,
            data=self._data,
            workspace_id=self.workspace_id or None,
        )


def require(actor: Actor, permission: Permission, obj: Model | None = None, *, kind: str) -> None:
    """`authorize`, with the refusal on record: for what asks before it works outside of any transaction."""
    try:
        authorize(actor, permission, obj)
    except PermissionDenied:
        record.record_denial(actor, permission=permission, kind=kind, obj=obj)
        raise


def action(
    kind: str, *, requires: Permission | None, on: str | None = None, meaning: str | None = None
) -> Callable[[Callable[Concatenate[Action, P], T]], Callable[Concatenate[Actor, P], T]]:
    """Make a function the audited, authorised verb `kind`.

    `requires` None is for what a person does to themselves (their profile) or what a code of its own allows (set-up).
    `on` names the keyword that holds the object to authorise.
    """

    def wrap(function: Callable[Concatenate[Action, P], T]) -> Callable[Concatenate[Actor, P], T]:
        register_kind(kind, meaning or (function.__doc__ or kind).strip().splitlines()[0])

        @functools.wraps(function)
        def perform(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> T:
            target: Any = kwargs.get(on) if on else None
            try:
                if requires is not None:
                    authorize(actor, requires, target)
                with transaction.atomic():
                    act = Action(kind, actor)
                    if target is not None:
                        act.target(target)
                    result = function(act, *args, **kwargs)
                    act.write_entry()
            except PermissionDenied:  # at the door, or by a rule of the function's own
                if requires is not None:
                    record.record_denial(actor, permission=requires, kind=kind, obj=target)
                raise
            return result

        ACTIONS[kind] = Verb(requires, perform)
        return perform

    return wrap
