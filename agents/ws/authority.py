"""Who the person on a socket is and what they may watch. Synchronous; called through core.db, one visit per question.

Uses the same selectors as the API, so that a door cannot be wider than another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.rest.address import client_ip
from accounts.selectors import ended_sessions, session_has_ended
from accounts.tokens import Principal, actor_for, principal_from_access_token, seconds_left
from agents.models import Conversation
from agents.runtime.reading import RunLook, look_at_runs
from agents.selectors.runs import conversations_visible_to, runs_visible_to
from agents.ws.messages import TOPIC_PERMISSIONS
from core.authz import Actor, Permission, authorize
from core.errors import NotAuthenticated, NotFound
from core.prepared import Prepared, PreparedForActor


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


def sign_in(token: str, peer: str | None, forwarded: str | None) -> SignedIn:
    """NotAuthenticated for anything but a good access token."""
    meta = {"REMOTE_ADDR": peer or "", "HTTP_X_FORWARDED_FOR": forwarded or ""}
    principal = principal_from_access_token(token, ip=client_ip(meta))
    return SignedIn(principal, seconds_left(token))


def still_signed_in(principal: Principal) -> None:
    """NotAuthenticated once the sign-in has ended."""
    if session_has_ended(principal.session_id):
        raise NotAuthenticated("This sign-in has ended. Sign in again.")


def look_at_run(principal: Principal, run: str) -> tuple[RunLook, str]:
    """Where a run stands and its workspace; NotFound unless the person may see it, whether it exists or not."""
    still_signed_in(principal)
    workspace = workspace_of_run(run)
    if workspace is None:
        raise NotFound()
    actor, _ = actor_for(principal, workspace)
    looks = look_at_runs([run], rows=runs_visible_to(actor))
    if not looks:
        raise NotFound()
    return looks[0], workspace


def workspace_of_run(run: str) -> str | None:
    from agents.models import Run

    return Run.objects.filter(pk=run).values_list("workspace_id", flat=True).first()


def may_see_runs(principal: Principal, workspace: str, runs: Iterable[str]) -> bool:
    """Whether the person may see all of these runs of a workspace, now."""
    wanted = set(runs)
    try:
        actor, _ = actor_for(principal, workspace)
    except NotFound:
        return False
    return runs_visible_to(actor).filter(pk__in=wanted).count() == len(wanted)


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


def check_watchers(
    watched: dict[int, tuple[Principal, dict[str, set[str]], dict[str, bool]]],
) -> tuple[set[int], set[int]]:
    """The sockets (by number) whose sign-in has ended, and those that watch something they may no longer see.

    `watched` is {number: (principal, {workspace: runs}, {topic: whether of everybody's runs})}. One query for all sign-ins.
    """
    gone = ended_sessions(principal.session_id for principal, _, _ in watched.values())
    ended, refused = set(), set()
    for number, (principal, runs, topics) in watched.items():
        if principal.session_id in gone:
            ended.add(number)
            continue
        try:
            allowed = all(may_see_runs(principal, workspace, ids) for workspace, ids in runs.items())
            for topic, everybody in topics.items():
                allowed = look_at_topic(principal, topic).everybody >= everybody and allowed
        except (NotFound, NotAuthenticated):
            allowed = False
        except Exception as error:  # PermissionDenied and whatever else says no
            if getattr(error, "status", 500) >= 500:
                raise
            allowed = False
        if not allowed:
            refused.add(number)
    return ended, refused
