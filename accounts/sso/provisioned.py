"""Accounts that a workspace's directory made beforehand, and that nobody has ever been in."""

from __future__ import annotations

from accounts.models import LoginSession, Membership, ScimUser, SsoConnection, SsoIdentity


def claim_provisioned(connection: SsoConnection, email: str) -> Membership | None:
    """The membership that waits for whoever the workspace's own provider vouches for by this address.

    The same workspace made the account, it has no password and no other house, and nobody ever signed in to it: so nobody's
    account is taken over.
    """
    row = (
        ScimUser.objects.select_related("user")
        .filter(
            workspace_id=connection.workspace_id,
            made=True,
            active=True,
            deleted_at=None,
            user__email=email,
            user__is_active=True,
        )
        .first()
    )
    if row is None or row.user is None or row.user.has_usable_password():
        return None
    if SsoIdentity.objects.filter(user=row.user).exists() or LoginSession.objects.filter(user=row.user).exists():
        return None
    members = Membership.objects.select_related("user", "custom_role")
    return members.filter(workspace_id=connection.workspace_id, user=row.user).first()
