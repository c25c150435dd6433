"""Who a person is in other houses: linked by themselves, with a fresh proof; found by the letters alone."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import Membership, SsoConnection, SsoIdentity, User
from accounts.sessions import require_fresh
from accounts.sso.assertion import Assertion
from accounts.sso.enforcement import enforcing
from accounts.sso.errors import SsoFailed
from audit.action import Action, action
from core.clock import now
from core.errors import Conflict, NotFound


def identities_of(user: User) -> QuerySet[SsoIdentity]:
    return SsoIdentity.objects.select_related("connection__workspace").filter(user=user)


def find_identity(connection: SsoConnection, said: Assertion) -> SsoIdentity | None:
    """The identity with exactly this subject. The database compares whole values, and so do we: no pattern, no folding."""
    rows = SsoIdentity.objects.select_related("user").filter(
        connection=connection, issuer=said.issuer, subject=said.subject
    )
    return next((row for row in rows if (row.issuer, row.subject) == (said.issuer, said.subject)), None)


def store_identity(connection: SsoConnection, user: User, said: Assertion, *, role: str = "") -> SsoIdentity:
    """Inside an action: the subject is this person's from now on; SsoFailed `identity_taken` if it is another's."""
    try:
        with transaction.atomic():
            return SsoIdentity.objects.create(
                connection=connection,
                user=user,
                issuer=said.issuer,
                subject=said.subject,
                called=said.email,
                role_given=role,
                last_used_at=now(),
            )
    except IntegrityError:
        raise SsoFailed("identity_taken") from None


@action("identity.link", requires=None)
def link_identity(act: Action, *, connection: SsoConnection, user: User, said: Assertion) -> SsoIdentity:
    """A person linked their account with a sign-in in another house."""
    act.workspace_id = connection.workspace_id
    if not Membership.objects.filter(workspace_id=connection.workspace_id, user=user).exists():
        raise SsoFailed("not_a_member")
    found = find_identity(connection, said)
    if found is not None and found.user_id != user.pk:
        raise SsoFailed("identity_taken")
    row = found or store_identity(connection, user, said)
    act.target(user)
    act.record(connection=connection.pk, identity=row.pk)
    return row


@action("identity.remove", requires=None)
def remove_identity(act: Action, *, user: User, identity_id: str) -> None:
    """A person unlinked a sign-in in another house."""
    require_fresh(act.actor.session_id)
    user = User.objects.select_for_update().get(pk=user.pk)
    row = identities_of(user).filter(pk=identity_id).first()
    if row is None:
        raise NotFound()
    if row.connection_id in {one.pk for one in enforcing(user)}:
        raise Conflict("Your workspace asks you to sign in this way, so it stays.", code="sso_enforced")
    if not user.has_usable_password() and identities_of(user).count() == 1:
        raise Conflict("You have no other way in. Choose a password first: ask for a new one.", code="last_way_in")
    act.target(user)
    act.record(connection=row.connection_id)
    row.delete()
