"""Who the person on a socket is and what they may watch. Synchronous; called through core.db, one visit per question.

Uses the same selectors as the API, so that a door cannot be wider than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from accounts.rest.address import client_ip
from accounts.selectors import ended_sessions, session_has_ended
from accounts.tokens import Principal, actor_for, principal_from_access_token, seconds_left
from agents.models import Conversation, Run
from agents.runtime.reading import RunLook, look_for
from agents.selectors.runs import conversations_visible_to, runs_visible_to
from agents.ws.messages import TOPIC_PERMISSIONS
from core.authz import Actor, Permission, authorize
from core.errors import NotAuthenticated, NotFound
from core.prepared import Prepared, PreparedForActor

_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class SignedIn:
    principal: Principal
    expires_in: int


@dataclass(frozen=True, slots=True)
class TopicRight:
    """What an actor may be told on a topic. `topic` is in its canonical form; `everybody`: of other people's runs too."""

    topic: str
    workspace: str
    user: str
    everybody: bool

    @property
    def kind(self) -> str:
        return self.topic.partition(":")[0]

    @property
    def name(self) -> str:
        return self.topic.partition(":")[2]


def sign_in(token: str, peer: str | None, forwarded: str | None) -> SignedIn:
    """NotAuthenticated for anything but a good access token."""
    meta = {"REMOTE_ADDR": peer or "", "HTTP_X_FORWARDED_FOR": forwarded or ""}
    principal = principal_from_access_token(token, ip=client_ip(meta))
    return SignedIn(principal, seconds_left(token))


def still_signed_in(principal: Principal) -> None:
    """NotAuthenticated once the sign-in has ended."""
    if session_has_ended(principal.session_id):
        raise NotAuthenticated("This sign-in has ended. Sign in again.")


_WORKSPACE_OF_RUN = Prepared(lambda value: Run.objects.filter(pk=value("run")).values_list("workspace_id"))


def look_at_run(principal: Principal, run: str) -> tuple[RunLook, str]:
    """Where a run stands and its workspace; NotFound unless the person may see it, whether it exists or not."""
    still_signed_in(principal)
    found = _WORKSPACE_OF_RUN.row(run=run)
    if found is None:
        raise NotFound()
    workspace: str = found[0]
    actor, _ = actor_for(principal, workspace)
    look = look_for(actor, run)
    if look is None:
        raise NotFound()
    return look, workspace


def look_at_topic(principal: Principal, topic: str) -> TopicRight:
    """NotFound for a topic that does not exist or is not the person's to watch; PermissionDenied without the permission."""
    still_signed_in(principal)
    kind, _, name = topic.partition(":")
    permission = TOPIC_PERMISSIONS.get(kind)
    if permission is None or not name:
        raise NotFound()
    if kind == "conversation":
        return _conversation_right(principal, topic, name)
    actor, workspace = actor_for(principal, name)
    authorize(actor, permission)
    return TopicRight(f"{kind}:{workspace.id}", workspace.id, principal.user_id, _everybody(actor))


_WORKSPACE_OF = Prepared(
    lambda value: Conversation.objects.filter(pk=value("conversation")).values_list("workspace_id")
)
_VISIBLE = PreparedForActor(
    lambda actor, value: conversations_visible_to(actor).filter(pk=value("conversation")).order_by().values_list("pk")
)


def _conversation_right(principal: Principal, topic: str, conversation: str) -> TopicRight:
    found = _WORKSPACE_OF.row(conversation=conversation)
    if found is None:
        raise NotFound()
    workspace: str = found[0]
    actor, _ = actor_for(principal, workspace)
    if not _VISIBLE.rows(actor, conversation=conversation):
        raise NotFound()
    return TopicRight(topic, workspace, principal.user_id, _everybody(actor))


def _everybody(actor: Actor) -> bool:
    return actor.has(Permission.RUN_VIEW_ANY)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one socket delivers now: runs by workspace, and topics."""

    principal: Principal
    runs: dict[str, set[str]]
    topics: Sequence[TopicRight]


def check_watchers(watched: dict[int, Watched]) -> tuple[set[int], set[int]]:
    """The sockets (by number) whose sign-in has ended, and those that watch something they may no longer see.

    One query for all sign-ins, then at most three for each person and workspace, however many sockets ask.
    """
    gone = ended_sessions(one.principal.session_id for one in watched.values())
    ended = {number for number, one in watched.items() if one.principal.session_id in gone}
    asking = {number: one for number, one in watched.items() if number not in ended}
    questions: dict[tuple[str, str], _Question] = {}
    for one in asking.values():
        for workspace, runs in one.runs.items():
            _question(questions, one, workspace).runs |= runs
        for right in one.topics:
            question = _question(questions, one, right.workspace)
            if right.kind == "conversation":
                question.conversations.add(right.name)
    for question in questions.values():
        question.ask()
    refused = {
        number
        for number, one in asking.items()
        if not all(_question(questions, one, workspace).allows_runs(runs) for workspace, runs in one.runs.items())
        or not all(_question(questions, one, right.workspace).allows_topic(right) for right in one.topics)
    }
    return ended, refused


@dataclass(slots=True)
class _Question:
    """What all sockets of a person watch in one workspace, and how much of it they may see."""

    principal: Principal
    workspace: str
    runs: set[str] = field(default_factory=set)
    conversations: set[str] = field(default_factory=set)
    actor: Actor | None = None
    seen: set[str] = field(default_factory=set)

    def ask(self) -> None:
        try:
            self.actor, _ = actor_for(self.principal, self.workspace)
        except NotFound:
            return
        self.seen = _visible(runs_visible_to(self.actor), self.runs)
        self.seen |= _visible(conversations_visible_to(self.actor), self.conversations)

    def allows_runs(self, runs: set[str]) -> bool:
        return runs <= self.seen

    def allows_topic(self, right: TopicRight) -> bool:
        if self.actor is None or right.everybody > _everybody(self.actor):
            return False
        if right.kind == "conversation":
            return right.name in self.seen
        return self.actor.has(TOPIC_PERMISSIONS[right.kind])


def _question(questions: dict[tuple[str, str], _Question], one: Watched, workspace: str) -> _Question:
    key = one.principal.key, workspace
    if key not in questions:
        questions[key] = _Question(one.principal, workspace)
    return questions[key]


def _visible(rows: QuerySet[Any], ids: set[str]) -> set[str]:
    """Those of the ids that are among the rows."""
    wanted = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        found.update(rows.filter(pk__in=wanted[start : start + _AT_ONCE]).order_by().values_list("pk", flat=True))
    return found
