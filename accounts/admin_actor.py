"""The operator as an Actor: who acts from /admin/, for the same services and the same audit log as every other door."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.rest.address import client_ip
from accounts.roles import ROLE_PERMISSIONS, Role
from core.authz import Actor
from core.request_context import current_request_id


def admin_actor(request: HttpRequest, workspace_id: str | None, *, session_id: str | None = None) -> Actor:
    """The signed-in operator in a workspace. Operators (superusers) hold every workspace permission; other staff none."""
    user = request.user
    return Actor(
        kind="user",
        user_id=str(user.pk),
        label=user.get_username(),
        workspace_id=workspace_id,
        role="operator",
        permissions=ROLE_PERMISSIONS[Role.OWNER] if user.is_superuser else frozenset(),
        request_id=current_request_id(),
        ip=client_ip(request.META),
        session_id=session_id,
    )
