"""What becomes of somebody whom another house has vouched for: signed in, linked, proven anew, or shown in a test.

Somebody unknown gets an account only where nobody has their address, the other house vouches for it, and an operator
approved its domain for the workspace. An address alone never leads to an account that is there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction

from accounts.members import admit_member
from accounts.models import FactorChallenge, LoginSession, Membership, SsoAttempt, SsoConnection, SsoIdentity, User
from accounts.reauthentication import note_proof
from accounts.second_factor.challenges import ask
from accounts.second_factor.proofs import has_factor
from accounts.sessions import is_live
from accounts.sign_in import admit
from accounts.sso.assertion import Assertion, shown_claims
from accounts.sso.attempts import keep_outcome
from accounts.sso.domains import approved_in, domain_of
from accounts.sso.enforcement import enforcing, how_through
from accounts.sso.errors import REASONS, SsoFailed
from accounts.sso.identities import find_identity, link_identity, store_identity
from accounts.sso.mapping import apply_groups, apply_mapping, map_groups, role_of
from accounts.sso.provisioned import claim_provisioned
from accounts.tokens import Principal, actor_without_workspace, anonymous_actor
from audit import kinds, record
from audit.action import Action, action
from core.authz import Actor
from core.clock import now
from core.request_context import current_request_id

#: For whoever tests a connection: what happened, what it means, what to do.
LEFT_OUT = (
    "The provider left out the groups of this person, as they are too many (Entra ID: more than 200). Such a sign-in takes "
    'nobody\'s role or groups away, and gives none by a group. In Entra ID choose "Groups assigned to the application" in '
    'the token configuration, or use app roles and the claim "roles".'
)
#: A clock that is a little off does not make a proof an old one.
_SKEW = 60.0


@dataclass(frozen=True, slots=True)
class From:
    """The browser that came back."""

    ip: str | None
    user_agent: str


def sign_in_by(attempt: SsoAttempt, said: Assertion, *, browser: From) -> LoginSession:
    """Open a session for whom the other house vouches for; SecondFactorRequired, SsoFailed, and what `admit` raises."""
    connection = attempt.connection
    return admit(
        recognise(attempt, said, ip=browser.ip),
        how=how_through(connection.pk),
        client=LoginSession.Client.WEB,
        ip=browser.ip,
        user_agent=browser.user_agent,
    )


def link_by(attempt: SsoAttempt, said: Assertion, *, browser: From) -> None:
    """The person who set out, signed in, is this subject from now on."""
    actor, user, _ = _who_set_out(attempt, browser)
    link_identity(actor, connection=attempt.connection, user=user, said=said)


def reauthenticate_by(attempt: SsoAttempt, said: Assertion, *, browser: From) -> None:
    """The session at hand is fresh again, if the same person came back and was asked there a moment ago.

    SecondFactorRequired for those who have a second factor, as after a password.
    """
    actor, user, session = _who_set_out(attempt, browser)
    found = find_identity(attempt.connection, said)
    if found is None or found.user_id != user.pk:
        raise SsoFailed("other_person")
    if session.client == LoginSession.Client.ADMIN:
        _refuse_no_operator(attempt.connection, user)
    if said.authenticated_at is None or said.authenticated_at < attempt.created_at.timestamp() - _SKEW:
        raise SsoFailed("not_fresh")
    if has_factor(user.pk):
        raise ask(
            user, purpose=FactorChallenge.Purpose.REAUTHENTICATE, client=session.client, session_id=session.pk
        ).as_error()
    note_proof(actor, user=user, second_factor=None)


def show_test(attempt: SsoAttempt, said: Assertion) -> None:
    """Keep what the other house said, and what would come of it, for whoever tests the connection."""
    connection = attempt.connection
    mapped = map_groups(connection, said.groups)
    domain = domain_of(said.email)
    found = find_identity(connection, said)
    problems = []
    if not said.email:
        problems.append("email_missing")
    elif not said.email_verified:
        problems.append("email_unverified")
    elif domain not in connection.domains or domain not in approved_in(connection.workspace_id):
        problems.append("domain_not_approved")
    if role_of(connection, mapped) is None:
        problems.append("groups_left_out" if said.groups_left_out else "no_role")
    outcome: dict[str, Any] = {
        "ok": True,
        "error": None,
        "detail": LEFT_OUT if said.groups_left_out else "",
        "claims": shown_claims(said.claims),
        "issuer": said.issuer,
        "subject": said.subject,
        "email": said.email,
        "email_verified": said.email_verified,
        "groups_found": list(said.groups[:200]),
        "role": mapped.role or None,
        "groups": list(mapped.groups),
        "person": found.user_id if found is not None else None,
        "problems": [{"code": code, "detail": REASONS[code]} for code in problems],
    }
    keep_outcome(attempt, outcome, passed=found is not None and found.user_id == attempt.user_id)


def show_failed_test(attempt: SsoAttempt, refusal: SsoFailed) -> None:
    """The same for a test that came to a bad end: with the reason that people who sign in are not told."""
    outcome: dict[str, Any] = {
        "ok": False,
        "error": refusal.code,
        "detail": refusal.why or refusal.detail,
        "claims": {},
        "issuer": "",
        "subject": "",
        "email": "",
        "email_verified": False,
        "groups_found": [],
        "role": None,
        "groups": [],
        "person": None,
        "problems": [],
    }
    keep_outcome(attempt, outcome, passed=False)


def record_refused_answer(attempt: SsoAttempt, refusal: SsoFailed, *, ip: str | None) -> None:
    """A sign-in through another house failed: in the workspace's log, with the reason."""
    actor = anonymous_actor(ip=ip)
    actor = Actor("user", None, actor.label, attempt.connection.workspace_id, request_id=actor.request_id, ip=ip)
    data = {"client": attempt.client, "why": refusal.code, "connection": attempt.connection_id}
    if refusal.why:
        data["reason"] = refusal.why[:200]
    record.record_refusal(actor, kind=kinds.SIGN_IN, data=data)


def recognise(attempt: SsoAttempt, said: Assertion, *, ip: str | None) -> User:
    """Whom the other house vouches for, with role and groups mapped anew; SsoFailed, on record.

    Into the operator admin come operators who are known already, and nobody joins on the way.
    """
    try:
        return _recognise(attempt, said, ip=ip)
    except SsoFailed as refusal:
        record_refused_answer(attempt, refusal, ip=ip)
        raise
    except DatabaseError:
        if SsoConnection.objects.filter(pk=attempt.connection_id).exists():
            raise
        gone = SsoFailed("connection_off")  # somebody deleted the connection at this moment, and the identities with it
        record_refused_answer(attempt, gone, ip=ip)
        raise gone from None


def _recognise(attempt: SsoAttempt, said: Assertion, *, ip: str | None) -> User:
    connection = attempt.connection
    found = find_identity(connection, said)
    if found is not None and not found.user.is_active:
        raise SsoFailed("account_disabled")
    user = found.user if found is not None else User.objects.filter(email=said.email).first() if said.email else None
    actor = Actor(
        "user",
        user.pk if user is not None else None,
        user.email if user is not None else said.email,
        connection.workspace_id,
        request_id=current_request_id(),
        ip=ip,
    )
    if attempt.client == LoginSession.Client.ADMIN:
        _refuse_no_operator(connection, found.user if found is not None else user)
    if found is None and attempt.user is not None and _is_same(attempt.user, connection, said):
        if not attempt.user.is_active:  # since they gave their password
            raise SsoFailed("account_disabled")
        found = link_identity(actor, connection=connection, user=attempt.user, said=said)
    if found is not None:
        return _map_anew(actor, connection=connection, identity=found, said=said)
    if attempt.client == LoginSession.Client.ADMIN:
        raise SsoFailed("link_first")
    return _join(actor, connection=connection, said=said)


def _refuse_no_operator(connection: SsoConnection, user: User | None) -> None:
    """Whoever controls a connection controls everybody it knows: operators say themselves which ones are theirs."""
    if user is None or not user.is_staff:
        raise SsoFailed("no_operator")
    if not connection.opens_admin:
        raise SsoFailed("not_for_operators")


def _is_same(user: User, connection: SsoConnection, said: Assertion) -> bool:
    """Whoever gave their password a moment ago and has to come this way, if this house vouches for the same address."""
    due = {one.pk for one in enforcing(user)}
    return connection.pk in due and said.email_verified and said.email == user.email


@action("identity.sign_in", requires=None)
def _map_anew(act: Action, *, connection: SsoConnection, identity: SsoIdentity, said: Assertion) -> User:
    """Somebody came through another house; their role and groups were mapped anew."""
    member = Membership.objects.select_related("user", "custom_role").filter(
        workspace_id=connection.workspace_id, user_id=identity.user_id
    )
    here = member.first()
    if here is None:
        raise SsoFailed("not_a_member")
    act.target(identity.user)
    if said.groups_left_out:
        act.record(groups="left_out")  # nothing is known about them, so nothing changes
    else:
        mapped = map_groups(connection, said.groups)
        if identity.role_given and role_of(connection, mapped) is None:
            raise SsoFailed("no_role")
        identity.role_given = apply_mapping(act, connection, here, mapped, given=identity.role_given)
    identity.called, identity.last_used_at = said.email, now()
    identity.save(update_fields=["role_given", "called", "last_used_at"])
    act.record(connection=connection.pk, role=here.role_key)
    return identity.user


@action("identity.join", requires=None)
def _join(act: Action, *, connection: SsoConnection, said: Assertion) -> User:
    """Somebody new came through another house and became a member."""
    if not said.email:
        raise SsoFailed("email_missing")
    if not said.email_verified:
        raise SsoFailed("email_unverified")
    domain = domain_of(said.email)
    if domain not in connection.domains or domain not in approved_in(connection.workspace_id):
        raise SsoFailed("link_first" if User.objects.filter(email=said.email).exists() else "domain_not_approved")
    if said.groups_left_out:
        act.record(groups="left_out")
    mapped = map_groups(connection, said.groups)
    waiting = claim_provisioned(connection, said.email)
    if waiting is not None:  # made by the workspace itself beforehand; nobody has ever been in it
        act.target(waiting.user)
        identity = store_identity(connection, waiting.user, said)
        if not said.groups_left_out:
            identity.role_given = apply_mapping(act, connection, waiting, mapped, given="")
            identity.save(update_fields=["role_given"])
        act.record(connection=connection.pk, role=waiting.role_key)
        return waiting.user
    if User.objects.filter(email=said.email).exists():
        raise SsoFailed("link_first")
    role = role_of(connection, mapped)
    if role is None:
        raise SsoFailed("groups_left_out" if said.groups_left_out else "no_role")
    user = User(email=said.email, name=said.name)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise SsoFailed("link_first") from None
    member = admit_member(act, workspace_id=connection.workspace_id, user=user, role=role)
    store_identity(connection, user, said, role=role.key)
    apply_groups(act, connection, member, mapped)
    act.target(user)
    act.record(connection=connection.pk, role=role.key)
    return user


def _who_set_out(attempt: SsoAttempt, browser: From) -> tuple[Actor, User, LoginSession]:
    session = attempt.session
    if session is None or attempt.user is None or session.user_id != attempt.user_id or not is_live(session):
        raise SsoFailed("session_over")
    principal = Principal(attempt.user.pk, attempt.user.email, session.pk, browser.ip)
    return actor_without_workspace(principal), attempt.user, session
