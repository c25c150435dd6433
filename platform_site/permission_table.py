"""The permission matrix for readers: `docs/permissions.md`, made from the role table, the levels of sharing, every route,
the socket's messages and the operator admin's pages. Nothing in it is written by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.roles import NOT_FOR_TOKENS, ROLE_PERMISSIONS
from accounts.sharing import SHARED, Level, Sharing
from agents.ws.messages import SOCKET_MESSAGES, TOPIC_PERMISSIONS
from core.authz import Permission
from platform_site.operator_pages import PAGES

_HEAD = """# Permissions

Who may do what, at every door. This page is made by `python manage.py permission_table --write`; a test fails when it is
older than the code. `tests/architecture/test_matrix.py` sends every request under a workspace as every kind of principal.

A request passes three questions, and a refusal at any of them ends it:

1. **Who is it?** A person's sign-in or an API token. Neither, a wrong one, or one that ended: 401. Not a member: 404.
2. **Does the role allow it at all?** The role (or the token's part of it) must hold the permission, else 403.
3. **With this object?** Owned, shared, open to all members, or reached by the role. Out of sight: 404. In sight only: 403.

A personal token holds what its scopes and its owner's role have in common, a service account's token what its scopes and
the account's role have in common. No token carries {reserved}.
"""


def routes() -> list[tuple[str, Any]]:
    """(route, view) of everything but the operator admin, whose pages are Django's."""
    return sorted(_walk(get_resolver().url_patterns), key=lambda pair: pair[0])


def declared(view: Any) -> dict[str, Any]:
    """What a view says of each method: a permission, or a word of core.authz.Open."""
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if cls is not None:
        return dict(getattr(cls, "permissions", {}))
    permission = getattr(view, "permission", None)
    return {"GET": permission} if permission is not None else {}


def render() -> str:
    """The page, in Markdown."""
    reserved = ", ".join(f"`{one}`" for one in sorted(NOT_FOR_TOKENS))
    parts = [_HEAD.format(reserved=reserved), _roles(), _levels(), _routes(), _socket(), _admin()]
    return "\n".join(parts)


def _walk(patterns: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for item in patterns:
        route = prefix + str(item.pattern)
        if isinstance(item, URLResolver):
            if route != "admin/":  # covered in platform_site/tests/test_admin.py
                yield from _walk(item.url_patterns, route)
        elif isinstance(item, URLPattern):
            yield route, item.callback


def _roles() -> str:
    rows = [
        [f"`{permission}`", *("yes" if permission in held else "" for held in ROLE_PERMISSIONS.values())]
        for permission in sorted(Permission)
    ]
    text = "A workspace's own roles are of the same shape: a name and permissions, never more than their editor holds."
    return _section("Roles", text, ["Permission", *(role.value for role in ROLE_PERMISSIONS)], rows)


def _levels() -> str:
    rows = []
    for sharing in sorted(SHARED.values(), key=lambda one: one.name):
        for level in Level:
            rows.append([sharing.name, level.word, ", ".join(_taken(sharing, level)), _without_a_grant(sharing, level)])
    text = (
        "Given to people, service accounts and groups; each level holds those before it. What takes no level of its own\n"
        "takes `manage`. A run and its decisions follow their conversation: `view` reads them, `run` stops and decides."
    )
    return _section("Sharing", text, ["Object", "Level", "Lets do", "Who has it without a grant"], rows)


def _taken(sharing: Sharing, level: Level) -> list[str]:
    skipped = {f"{sharing.name}.create", sharing.reaches_all}  # no single object is asked about
    ours = {one for one in Permission if one.value.startswith(f"{sharing.name}.")} - skipped
    return [f"`{one}`" for one in sorted(ours | set(sharing.levels)) if sharing.level_of(one) == level]


def _without_a_grant(sharing: Sharing, level: Level) -> str:
    who = ["its owner"] if sharing.owned else []
    if sharing.reaches_all is not None:
        who.append(f"roles with `{sharing.reaches_all}`")
    if sharing.opens is not None and level <= sharing.opens:
        who.append("everybody in the workspace, unless it is restricted")
    return ", ".join(who)


def _routes() -> str:
    rows = []
    for route, view in routes():
        for method, needed in sorted(declared(view).items()):
            who = "tokens of service accounts with this scope" if route.startswith("scim/") else _holders(needed)
            rows.append([method, f"`/{route}`", f"`{needed}`", who])
    return _section("Routes", "", ["Method", "Address", "Needs", "Roles that hold it"], rows)


def _holders(needed: Any) -> str:
    if not isinstance(needed, Permission):
        return {
            "anyone": "open: signing in, or what a link or a code of its own allows",
            "signed_in": "every person, for themselves; no token",
            "any_credential": "everybody, for themselves; tokens too",
        }[needed]
    held = [role.value for role, permissions in ROLE_PERMISSIONS.items() if needed in permissions]
    return "all" if len(held) == len(ROLE_PERMISSIONS) else ", ".join(held)


def _socket() -> str:
    rows = [
        [f"`{name}`", f"`{needed}`" if needed else "a credential"] for name, needed in sorted(SOCKET_MESSAGES.items())
    ]
    rows += [[f"`subscribe` to `{kind}:…`", f"`{needed}`"] for kind, needed in sorted(TOPIC_PERMISSIONS.items())]
    text = "Asked with every frame, and every few seconds for what is being delivered."
    return _section("Socket", text, ["Message", "Needs"], rows)


def _admin() -> str:
    operator: Any = SimpleNamespace(user=_Operator())
    rows = []
    for model, page in sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label):
        verbs = {
            "look": page.has_view_permission(operator),
            "add": page.has_add_permission(operator),
            "change": page.has_change_permission(operator),
            "delete": page.has_delete_permission(operator),
        }
        actions = sorted(name if isinstance(name, str) else name.__name__ for name in page.actions or ())
        rows.append([model._meta.label, ", ".join(verb for verb, may in verbs.items() if may), ", ".join(actions)])
    text = (
        "Superusers only, with a sign-in of its own. Staff without that see nothing. Every change is in the audit log."
    )
    rows += [[f"`/admin/{route}`", "look", ""] for route in sorted(PAGES)]
    return _section("Operator admin", text, ["Table or page", "Operators may", "Actions"], rows)


class _Operator:
    """A superuser as far as Django's admin asks."""

    is_active = is_staff = is_superuser = is_authenticated = True

    def has_perm(self, *_: Any) -> bool:
        return True

    def has_module_perms(self, *_: Any) -> bool:
        return True


def _section(title: str, text: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"## {title}", ""]
    lines += [text, ""] if text else []
    lines += [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
