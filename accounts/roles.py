"""The role table: literal, so that a reader sees at a glance who may do what."""

from __future__ import annotations

from enum import StrEnum

from core.authz import Permission as P


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    BUILDER = "builder"
    USER = "user"
    VIEWER = "viewer"
    AUDITOR = "auditor"


_LOOK = {P.WORKSPACE_VIEW, P.MEMBER_VIEW, P.MODEL_VIEW, P.TOOL_VIEW, P.AGENT_VIEW}
_CHAT = {
    P.AGENT_RUN,
    P.CONVERSATION_VIEW,
    P.CONVERSATION_CREATE,
    P.CONVERSATION_EDIT,
    P.CONVERSATION_DELETE,
    P.RUN_VIEW,
    P.RUN_CREATE,
    P.RUN_CANCEL,
    P.DECISION_VIEW,
    P.DECISION_RESOLVE,
    P.USAGE_VIEW,
}
_BUILD = {P.PROVIDER_VIEW, P.AGENT_CREATE, P.AGENT_EDIT, P.AGENT_PUBLISH, P.AGENT_DELETE}
_GOVERN = {P.WORKSPACE_EDIT, P.PROVIDER_EDIT, P.AGENT_EDIT_ANY, P.RUN_VIEW_ANY, P.AUDIT_VIEW}

ROLE_PERMISSIONS: dict[Role, frozenset[P]] = {
    Role.OWNER: frozenset(_LOOK | _CHAT | _BUILD | _GOVERN),
    Role.ADMIN: frozenset(_LOOK | _CHAT | _BUILD | _GOVERN),
    Role.BUILDER: frozenset(_LOOK | _CHAT | _BUILD),
    Role.USER: frozenset(_LOOK | _CHAT),
    Role.VIEWER: frozenset(_LOOK),
    Role.AUDITOR: frozenset({P.WORKSPACE_VIEW, P.MEMBER_VIEW, P.AUDIT_VIEW, P.USAGE_VIEW}),
}


def granters_of(permission: P) -> str:
    """Who can help somebody that lacks `permission`, in words."""
    holders = [role.value for role, held in ROLE_PERMISSIONS.items() if permission in held]
    if set(holders) == {"owner", "admin"}:
        return "It is kept to owners and admins. An owner of the workspace"
    return "An owner or admin of the workspace"
