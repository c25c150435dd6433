"""The role table: literal, so that a reader sees at a glance who may do what.

A custom role of a workspace (accounts.models.CustomRole) is a row of the same shape: a name and a set of permissions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from core.authz import Permission as P


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    BUILDER = "builder"
    USER = "user"
    VIEWER = "viewer"
    AUDITOR = "auditor"


#: What `Membership.role` says when the role is a row of the workspace.
CUSTOM = "custom"

_LOOK = {P.WORKSPACE_VIEW, P.MEMBER_VIEW, P.GROUP_VIEW, P.ROLE_VIEW, P.MODEL_VIEW, P.TOOL_VIEW, P.AGENT_VIEW}
# Nobody's conversation is seen by these alone: a viewer reads those that somebody shared with them.
_READ = {P.CONVERSATION_VIEW, P.RUN_VIEW, P.DECISION_VIEW}
_CHAT = {
    P.AGENT_RUN,
    P.CONVERSATION_CREATE,
    P.CONVERSATION_SPEAK,
    P.CONVERSATION_EDIT,
    P.CONVERSATION_DELETE,
    P.CONVERSATION_SHARE,
    P.RUN_CREATE,
    P.RUN_CANCEL,
    P.DECISION_RESOLVE,
    P.USAGE_VIEW,
    P.API_TOKEN_VIEW,
    P.API_TOKEN_EDIT,
    P.API_TOKEN_REVOKE,
}
# `edit`, `share` and the like reach what a person owns or was granted; `edit_any` reaches the rest.
_BUILD = {
    P.PROVIDER_VIEW,
    P.PROVIDER_EDIT,
    P.PROVIDER_DELETE,
    P.PROVIDER_SHARE,
    P.AGENT_CREATE,
    P.AGENT_EDIT,
    P.AGENT_PUBLISH,
    P.AGENT_DELETE,
    P.AGENT_SHARE,
}
_OVERSEE = {P.AUDIT_VIEW, P.AUDIT_EXPORT, P.SSO_VIEW, P.RETENTION_VIEW, P.USAGE_VIEW}
_GOVERN = {
    P.WORKSPACE_EDIT,
    P.MEMBER_EDIT,
    P.MEMBER_REMOVE,
    P.INVITATION_VIEW,
    P.INVITATION_CREATE,
    P.INVITATION_REVOKE,
    P.GROUP_EDIT,
    P.ROLE_EDIT,
    P.API_TOKEN_MANAGE,
    P.SERVICE_ACCOUNT_VIEW,
    P.SERVICE_ACCOUNT_EDIT,
    P.PROVIDER_CREATE,
    P.PROVIDER_EDIT_ANY,
    P.AGENT_EDIT_ANY,
    P.RUN_VIEW_ANY,
    P.RUN_MANAGE_ANY,
}
# What an owner keeps from the admins: how people sign in, how long things are kept, and taking all of it away.
_OWN = {P.SSO_EDIT, P.SCIM_MANAGE, P.RETENTION_EDIT, P.WORKSPACE_EXPORT}

ROLE_PERMISSIONS: dict[Role, frozenset[P]] = {
    Role.OWNER: frozenset(_LOOK | _READ | _CHAT | _BUILD | _OVERSEE | _GOVERN | _OWN),
    Role.ADMIN: frozenset(_LOOK | _READ | _CHAT | _BUILD | _OVERSEE | _GOVERN),
    Role.BUILDER: frozenset(_LOOK | _READ | _CHAT | _BUILD),
    Role.USER: frozenset(_LOOK | _READ | _CHAT),
    Role.VIEWER: frozenset(_LOOK | _READ),
    Role.AUDITOR: frozenset({P.WORKSPACE_VIEW, P.MEMBER_VIEW, P.GROUP_VIEW, P.ROLE_VIEW} | _OVERSEE),
}

#: What no API token can carry: whoever found one must not be able to make themselves another, or another way in.
NOT_FOR_TOKENS = frozenset({P.API_TOKEN_EDIT, P.API_TOKEN_MANAGE, P.SERVICE_ACCOUNT_EDIT, P.SSO_EDIT})


_BY_NAME: dict[str, P] = {permission.value: permission for permission in P}


def permissions_held(role: str, custom: str | None = None) -> frozenset[P]:
    """The permissions of a membership: of its built-in role, or of its custom role's row (its JSON)."""
    return permissions_in(custom or "[]") if role == CUSTOM else ROLE_PERMISSIONS[Role(role)]


@lru_cache(maxsize=1_000)
def permissions_in(text: str) -> frozenset[P]:
    """The permissions in a JSON list as it is stored; names that the product no longer knows give nothing."""
    return known(json.loads(text))


def known(names: Iterable[str]) -> frozenset[P]:
    """Those of the names that are permissions."""
    return frozenset(_BY_NAME[name] for name in names if name in _BY_NAME)


def granters_of(permission: P) -> str:
    """Who can help somebody that lacks `permission`, in words."""
    holders = {role.value for role, held in ROLE_PERMISSIONS.items() if permission in held}
    if holders == {"owner"}:
        return "It is kept to owners. An owner of the workspace"
    if holders == {"owner", "admin"}:
        return "It is kept to owners and admins. An owner of the workspace"
    return "An owner or admin of the workspace"
