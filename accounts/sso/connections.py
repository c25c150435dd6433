"""Setting up the ways into a workspace through identity providers.

Whoever controls one of them controls everybody it knows and every role it gives. So changing it takes a fresh proof of who
one is, and all that it could give.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from accounts.members import find_role, refuse_more_than_own
from accounts.models import LoginSession, Membership, SsoAttempt, SsoConnection, SsoIdentity, Workspace, WorkspaceGroup
from accounts.sessions import require_fresh
from accounts.sso import oidc, saml
from accounts.sso.domains import approved_in, domain_of, keep_domains
from accounts.sso.enforcement import how_through
from accounts.sso.errors import SsoFailed
from accounts.sso.mapping import reach_of
from accounts.sso.saml_keys import keep_pair
from audit.action import Action, action, require
from core.authz import Actor, Permission, visible_to
from core.cipher import SealedColumn, open_sealed, seal
from core.clock import now
from core.egress import EgressRefused, parse_url
from core.egress.guard import judge_target
from core.errors import Conflict, NotFound, ValidationFailed

MAX_CONNECTIONS = 20
#: For how long a test speaks for a connection that is to be enforced.
TESTED_FOR = timedelta(hours=1)
#: What decides whom the connection believes. A change of it makes every test before it worthless.
TRUSTED = ("issuer", "client_id", "secret", "endpoints", "groups_claim", "sign_requests", "require_encrypted")
SEALED = SealedColumn("accounts.SsoConnection", "secret", lambda row: _bound_to(str(row.pk)))
#: What is written as it came.
_PLAIN = (
    *("name", "issuer", "endpoints", "client_id", "groups_claim", "default_role", "mapping", "enabled"),
    *("sign_requests", "require_encrypted"),
)
Kind = SsoConnection.Kind


def create_connection(actor: Actor, **given: Any) -> SsoConnection:
    """Set up a connection; ValidationFailed on `issuer` or `metadata` when its provider cannot be used."""
    require(actor, Permission.SSO_EDIT, kind="sso.create")
    require_fresh(actor.session_id)
    return _create(actor, **_resolved(given, kind=given["kind"], issuer=""))


@action("sso.create", requires=Permission.SSO_EDIT)
def _create(
    act: Action, *, kind: str, name: str, issuer: str, endpoints: dict[str, Any], **given: Any
) -> SsoConnection:
    """A way in through an identity provider was set up."""
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    if SsoConnection.objects.filter(workspace_id=act.workspace_id).count() >= MAX_CONNECTIONS:
        raise Conflict(f"A workspace has at most {MAX_CONNECTIONS} of these. Delete one first.", code="too_many")
    row = SsoConnection(
        workspace_id=act.workspace_id, kind=kind, name=name, issuer=issuer, endpoints=endpoints, configured_at=now()
    )
    _write(act, row, given)
    act.target(row)
    act.record(kind=kind, issuer=issuer, domains=row.domains, roles=_roles_in(row))
    return row


def update_connection(actor: Actor, *, connection: SsoConnection, **changes: Any) -> SsoConnection:
    """Change a connection; what it trusts is read anew from the provider when issuer, metadata or address come with it."""
    require(actor, Permission.SSO_EDIT, connection, kind="sso.update")
    require_fresh(actor.session_id)
    for name in ("sign_requests", "require_encrypted"):
        if changes.get(name) and connection.kind != Kind.SAML:
            raise ValidationFailed.on(name, "not_for_this_kind", "Not for oidc.")
    return _update(actor, connection=connection, **_resolved(changes, kind=connection.kind, issuer=connection.issuer))


@action("sso.update", requires=Permission.SSO_EDIT, on="connection")
def _update(act: Action, *, connection: SsoConnection, **changes: Any) -> SsoConnection:
    """A way in through an identity provider was changed."""
    row = lock_connection(connection.pk)
    refuse_more_than_own(act.actor, reach_of(row))
    if row.enforced and (changes.get("enabled") is False or _loses_domains(row, changes)):
        raise Conflict("People have to sign in this way. Stop enforcing it first.", code="sso_enforced")
    was_enforced = row.enforced
    before = {name: getattr(row, name) for name in TRUSTED}
    enforced = changes.pop("enforced", None)
    _write(act, row, changes)
    if any(getattr(row, name) != value for name, value in before.items()):
        row.configured_at = now()
        row.save(update_fields=["configured_at"])
        if row.opens_admin_since is not None:  # until an operator has looked at what is trusted now
            act.record(admin_sessions_ended=end_sessions_through(row.pk, client=LoginSession.Client.ADMIN))
    if enforced is not None:
        if enforced and not was_enforced:
            _refuse_untested(act, row)
        row.enforced = enforced
        row.save(update_fields=["enforced"])
        if enforced and not was_enforced:
            act.record(sessions_ended=_end_other_ways(act, row))
    if changes.get("enabled") is False:
        act.record(sessions_ended=end_sessions_through(row.pk))
    act.record(fields=sorted([*changes, *(["enforced"] if enforced is not None else [])]), roles=_roles_in(row))
    return row


@action("sso.delete", requires=Permission.SSO_EDIT, on="connection")
def delete_connection(act: Action, *, connection: SsoConnection) -> None:
    """A way in through an identity provider was taken away; the sign-ins through it ended."""
    require_fresh(act.actor.session_id)
    row = lock_connection(connection.pk)
    refuse_more_than_own(act.actor, reach_of(row))
    if row.enforced:
        raise Conflict("People have to sign in this way. Stop enforcing it first.", code="sso_enforced")
    act.record(sessions_ended=end_sessions_through(row.pk), identities=row.identities.count())
    row.delete()


@action("sso.release", requires=None)
def release(act: Action, *, connection: SsoConnection, facts: dict[str, Any] | None = None) -> None:
    """Passwords were let in again by an operator or a command on the server, for a workspace whose provider is away."""
    row = lock_connection(connection.pk)
    act.workspace_id = row.workspace_id
    act.target(row)
    act.record(**(facts or {}))
    row.enforced = False
    row.save(update_fields=["enforced", "updated_at"])


@action("sso.open_admin", requires=None)
def open_admin(act: Action, *, connection: SsoConnection, facts: dict[str, Any] | None = None) -> None:
    """An operator said that operators may open the operator admin through this connection."""
    row = lock_connection(connection.pk)
    act.workspace_id = row.workspace_id
    act.target(row)
    act.record(issuer=row.issuer, **(facts or {}))
    row.opens_admin_since = now()
    row.save(update_fields=["opens_admin_since", "updated_at"])


@action("sso.close_admin", requires=None)
def close_admin(act: Action, *, connection: SsoConnection) -> None:
    """An operator said that nobody opens the operator admin through this connection any more."""
    row = lock_connection(connection.pk)
    act.workspace_id = row.workspace_id
    act.target(row)
    row.opens_admin_since = None
    row.save(update_fields=["opens_admin_since", "updated_at"])
    act.record(sessions_ended=end_sessions_through(row.pk, client=LoginSession.Client.ADMIN))


def connections_visible_to(actor: Actor, permission: Permission = Permission.SSO_VIEW) -> QuerySet[SsoConnection]:
    return visible_to(actor, permission, SsoConnection.objects.all())


def domains_of(rows: Sequence[SsoConnection]) -> dict[str, list[dict[str, Any]]]:
    """For each connection its domains, and whether an operator approved them."""
    approved = approved_in(rows[0].workspace_id) if rows else frozenset()
    return {row.pk: [{"domain": one, "approved": one in approved} for one in row.domains] for row in rows}


def secret_of(connection: SsoConnection) -> str:
    """The client secret, to be used at once; "" for clients without one."""
    if not connection.secret:
        return ""
    model, field, row = _bound_to(connection.pk)
    return open_sealed(connection.secret, model=model, field=field, row=row, mend="Enter the client secret again.")


def lock_connection(pk: str) -> SsoConnection:
    found = SsoConnection.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise NotFound()
    return found


def end_sessions_through(connection_id: str, **which: str) -> int:
    """End the sign-ins that came this way, with or without a second factor."""
    rows = LoginSession.objects.filter(how__startswith=how_through(connection_id), ended_at=None, **which)
    return rows.update(ended_at=now())


def _resolved(given: dict[str, Any], *, kind: str, issuer: str) -> dict[str, Any]:
    """With what the provider publishes: asked outside of any transaction."""
    wanted = dict(given)
    metadata, address = wanted.pop("metadata", ""), wanted.pop("metadata_url", "")
    try:
        if kind == Kind.OIDC and (wanted.get("issuer") or not issuer):
            field = "issuer"
            _refuse_what_leads_nowhere(wanted.get("issuer", ""), field)
            wanted["endpoints"] = oidc.discover(wanted["issuer"])
            if not wanted.get("client_id") and not issuer:
                raise ValidationFailed.on("client_id", "required", "Enter the client id that your provider gave.")
        elif kind == Kind.SAML and (metadata or address or not issuer):
            field = "metadata" if metadata or not address else "metadata_url"
            if address and not metadata:
                _refuse_what_leads_nowhere(address, field)
                metadata = saml.fetch_metadata(address)
            if not metadata:
                raise ValidationFailed.on(
                    field, "required", "Paste the metadata of your provider, or name its address."
                )
            wanted["issuer"], wanted["endpoints"] = saml.read_metadata(metadata)
    except SsoFailed as error:
        raise ValidationFailed.on(field, error.code, error.why or error.detail) from None
    return wanted


def _refuse_what_leads_nowhere(address: str, field: str) -> None:
    """Mistakes show at the field, before anything is asked."""
    try:
        judge_target(parse_url(address))
    except EgressRefused as error:
        raise ValidationFailed.on(field, error.code, error.detail) from None


def _write(act: Action, row: SsoConnection, given: dict[str, Any]) -> None:
    """Put the checked values into the row, and save it."""
    for name in _PLAIN:
        if name in given:
            setattr(row, name, given[name])
    keep_pair(row)
    if "client_secret" in given:
        model, field, pk = _bound_to(row.pk)
        row.secret = seal(given["client_secret"], model=model, field=field, row=pk) if given["client_secret"] else ""
    if "domains" in given:
        row.domains = list(dict.fromkeys(given["domains"]))
        keep_domains(row.workspace_id, row.domains)
    _refuse_unknown(act, row)
    refuse_more_than_own(act.actor, reach_of(row))
    row.save()


def _refuse_unknown(act: Action, row: SsoConnection) -> None:
    if row.default_role:
        find_role(row.workspace_id, row.default_role, field="default_role")
    for entry in row.mapping:
        if entry["role"]:
            find_role(row.workspace_id, entry["role"], field="mapping")
    named = {group for entry in row.mapping for group in entry["groups"]}
    if named:
        if not act.actor.has(Permission.GROUP_EDIT):
            raise ValidationFailed.on("mapping", "not_allowed", "You may not put people into groups.")
        if WorkspaceGroup.objects.filter(workspace_id=row.workspace_id, pk__in=named).count() != len(named):
            raise ValidationFailed.on("mapping", "unknown_group", "There is no such group in this workspace.")


def _loses_domains(row: SsoConnection, changes: dict[str, Any]) -> bool:
    return "domains" in changes and not set(row.domains) <= set(changes["domains"])


def _refuse_untested(act: Action, row: SsoConnection) -> None:
    """Nobody locks a workspace's people out by a connection that does not work, themselves included."""
    if not row.enabled or not set(row.domains) & approved_in(row.workspace_id):
        raise Conflict("Switch it on, and have an operator approve a domain of it first.", code="domain_not_approved")
    mine = SsoIdentity.objects.filter(connection=row, user_id=act.person_id).exists()
    tests = SsoAttempt.objects.filter(
        connection=row,
        user_id=act.person_id,
        purpose=SsoAttempt.Purpose.TEST,
        passed_at__gt=max(row.configured_at, now() - TESTED_FOR),
    )
    if not mine or not tests.exists():
        raise Conflict(
            "Link your own account through this connection and test it first: otherwise you might lock everybody out.",
            code="sso_not_tested",
        )


def _end_other_ways(act: Action, row: SsoConnection) -> int:
    """Those who have to come this way from now on do so at once; whoever switched it on stays."""
    approved = approved_in(row.workspace_id) & set(row.domains)
    members = Membership.objects.filter(workspace_id=row.workspace_id).select_related("user")
    people = [one.user_id for one in members if domain_of(one.user.email) in approved]
    rows = LoginSession.objects.filter(user_id__in=people, ended_at=None)
    ways = SsoConnection.objects.filter(workspace_id=row.workspace_id, enabled=True).values_list("pk", flat=True)
    for way in ways:
        rows = rows.exclude(how__startswith=how_through(way))
    return rows.exclude(pk=act.actor.session_id).update(ended_at=now())


def _roles_in(row: SsoConnection) -> list[str]:
    return sorted({row.default_role, *(entry["role"] for entry in row.mapping)} - {""})


def _bound_to(pk: str) -> tuple[str, str, str]:
    return "SsoConnection", "secret", pk
