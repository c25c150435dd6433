"""Who the person on a socket is and what they may watch. Synchronous; called through core.db, one visit per question.

Uses the same selectors as the API, so that a door cannot be wider than another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.db.models import QuerySet

from accounts.credentials import ended_among, principal_from, principals_from, require_live, seconds_left
from accounts.rest.address import client_ip
from accounts.tokens import Principal, actor_for
from agents.models import Conversation, Run
from agents.runtime.reading import RunLook, look_at_runs, look_for
from agents.selectors.runs import conversations_visible_to, runs_visible_to
from agents.ws.messages import TOPIC_PERMISSIONS
from core.authz import Actor, Permission, authorize
from core.errors import DomainError, NotAuthenticated, NotFound, PermissionDenied
from core.prepared import Prepared, PreparedForActor
from limits.admission import admit, place
from limits.rules import SOCKET

_AT_ONCE = 400
T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Credential:
    """What a socket shows to sign in, and where it came from."""

    token: str
    peer: str | None
    forwarded: str | None

    @property
    def ip(self) -> str | None:
        return client_ip({"REMOTE_ADDR": self.peer or "", "HTTP_X_FORWARDED_FOR": self.forwarded or ""})


def sign_in(shown: Credential) -> SignedIn:
    """NotAuthenticated for anything but a good access token, TooManyRequests for one socket too many from an address."""
    admit((SOCKET, place(shown.ip)))
    principal = principal_from(shown.token, ip=shown.ip)
    return SignedIn(principal, seconds_left(shown.token, principal))


def sign_in_all(shown: Sequence[Credential]) -> list[SignedIn | Exception]:
    """The same for many, in their order."""
    if len(shown) == 1:
        return [_found_or_refusal(lambda: sign_in(shown[0]))]
    refused = [_found_or_refusal(partial(admit, (SOCKET, place(one.ip)))) for one in shown]
    found = principals_from([(one.token, one.ip) for one in shown])
    return [
        refusal
        if isinstance(refusal, Exception)
        else person
        if isinstance(person, Exception)
        else SignedIn(person, seconds_left(one.token, person))
        for one, person, refusal in zip(shown, found, refused, strict=True)
    ]


def _found_or_refusal(find: Callable[[], T]) -> T | Exception:
    try:
        return find()
    except DomainError as refusal:
        return refusal


def still_signed_in(principal: Principal) -> None:
    """NotAuthenticated once the sign-in has ended or the token was revoked."""
    require_live(principal)


def count_frame(principal: Principal) -> None:
    """A frame that shows a token is counted like a request with it; TooManyRequests when it has had its share."""
    admit(*principal.rates)


_WORKSPACE_OF_RUN = Prepared(lambda value: Run.objects.filter(pk=value("run")).values_list("workspace_id"))


@dataclass(frozen=True, slots=True)
class RunWish:
    """A person wants to watch a run."""

    principal: Principal
    run: str


def look_at_run(wish: RunWish) -> tuple[RunLook, str]:
    """Where a run stands and its workspace; NotFound unless the person may see it, whether it exists or not."""
    still_signed_in(wish.principal)
    found = _WORKSPACE_OF_RUN.row(run=wish.run)
    if found is None:
        raise NotFound()
    workspace: str = found[0]
    actor, _ = actor_for(wish.principal, workspace)
    look = look_for(actor, wish.run)
    if look is None:
        raise NotFound()
    return look, workspace


def look_at_all_runs(wishes: Sequence[RunWish]) -> list[tuple[RunLook, str] | Exception]:
    """The same for many, in their order.

    One query for all sign-ins, one for all workspaces, then two for each person and workspace and one for the runs.
    """
    if len(wishes) == 1:
        return [_found_or_refusal(lambda: look_at_run(wishes[0]))]
    gone = ended_among(wish.principal for wish in wishes)
    workspaces = dict(Run.objects.filter(pk__in={wish.run for wish in wishes}).values_list("pk", "workspace_id"))
    questions: dict[tuple[str, str], _Question] = {}
    for wish in wishes:
        if wish.run in workspaces:
            _question(questions, wish.principal, workspaces[wish.run]).runs.add(wish.run)
    for question in questions.values():
        question.ask()
    seen: set[str] = set().union(*(question.seen for question in questions.values()))
    looks = {look.run: look for look in look_at_runs(sorted(seen))}
    found: list[tuple[RunLook, str] | Exception] = []
    for wish in wishes:
        workspace = workspaces.get(wish.run, "")
        asked = questions.get((wish.principal.key, workspace))
        if wish.principal.credential_id in gone:
            found.append(NotAuthenticated("This sign-in has ended. Sign in again."))
        elif asked is None or not asked.allows_runs({wish.run}) or wish.run not in looks:
            found.append(NotFound())
        else:
            found.append((looks[wish.run], workspace))
    return found


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
    if actor.limited:  # notices name runs of every agent
        raise PermissionDenied("This token reaches named agents only. Watch a conversation or a run instead.")
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
    # Whoever may read a conversation may read all of its runs, whoever started them.
    return TopicRight(topic, workspace, principal.user_id, everybody=True)


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
    gone = ended_among(one.principal for one in watched.values())
    ended = {number for number, one in watched.items() if one.principal.credential_id in gone}
    asking = {number: one for number, one in watched.items() if number not in ended}
    questions: dict[tuple[str, str], _Question] = {}
    for one in asking.values():
        for workspace, runs in one.runs.items():
            _question(questions, one.principal, workspace).runs |= runs
        for right in one.topics:
            question = _question(questions, one.principal, right.workspace)
            if right.kind == "conversation":
                question.conversations.add(right.name)
    for question in questions.values():
        question.ask()
    refused = {
        number
        for number, one in asking.items()
        if not all(
            _question(questions, one.principal, workspace).allows_runs(runs) for workspace, runs in one.runs.items()
        )
        or not all(_question(questions, one.principal, right.workspace).allows_topic(right) for right in one.topics)
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
        except (NotFound, PermissionDenied):
            return
        self.seen = _visible(runs_visible_to(self.actor), self.runs)
        self.seen |= _visible(conversations_visible_to(self.actor), self.conversations)

    def allows_runs(self, runs: set[str]) -> bool:
        return runs <= self.seen

    def allows_topic(self, right: TopicRight) -> bool:
        if self.actor is None:
            return False
        if right.kind == "conversation":
            return right.name in self.seen
        if right.everybody > _everybody(self.actor):
            return False
        return self.actor.has(TOPIC_PERMISSIONS[right.kind])


def _question(questions: dict[tuple[str, str], _Question], principal: Principal, workspace: str) -> _Question:
    key = principal.key, workspace
    if key not in questions:
        questions[key] = _Question(principal, workspace)
    return questions[key]


def _visible(rows: QuerySet[Any], ids: set[str]) -> set[str]:
    """Those of the ids that are among the rows."""
    wanted = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        found.update(rows.filter(pk__in=wanted[start : start + _AT_ONCE]).order_by().values_list("pk", flat=True))
    return found
