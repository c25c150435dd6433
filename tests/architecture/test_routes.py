"""Every route and every socket message declares who may use it; an undeclared one fails here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from agents.ws.messages import SOCKET_MESSAGES, TOPIC_PERMISSIONS
from core.authz import Open, Permission
from platform_site.permission_table import render, routes

# Routes outside the API that anybody may ask, each with its reason.
OPEN_ROUTES = {
    "healthz": "liveness, no data",
    "favicon.ico": "a picture",
    "admin/password_change/": "an operator's own password; the admin asks who it is, as for all its pages",
    "readyz": "readiness, no data",
    "metrics": "loopback or token; see platform_site.health",
    "api/schema/": "the reference is public",
    "api/docs/": "the reference is public",
    "api/docs/script.js": "the reference is public",
    "api/docs/errors/": "the reference is public",
    "api/v1/auth/sso/<str:connection_id>/callback/": "a provider sends a browser back: an attempt of our own is asked for",
    "api/v1/auth/sso/<str:connection_id>/acs/": "a provider's form: signed, in answer to an attempt of our own",
    "api/v1/auth/sso/<str:connection_id>/finish/": "the browser of an attempt, with its cookie",
    "admin/sso/": "an operator is not in yet: only leads to the house that speaks for a domain",
    "admin/sso/prove/": "who is signed in proves anew who they are; nobody else is sent anywhere",
    "admin/sso/arrive/": "from another site, without our cookies: only goes on",
    "admin/sso/finish/": "the browser of an attempt, with its cookie",
    "admin/sso/factor/": "who is signed in proves anew who they are",
    "api/v1/auth/sso/<str:connection_id>/backchannel-logout/": "a provider's token: signed, for us, of a moment ago",
    "api/v1/auth/sso/<str:connection_id>/metadata/": "what every provider is told, the same for every id",
    "scim/v2/^(?P<rest>.*)$": "the 404 of SCIM",
    "^api(/.*)?$": "the 404 of the API",
    "^(?!admin/|api/|scim/|static/|ws/|metrics).*$": "the web client's files hold no authority",
}


ROUTES = routes()  # Django admin's own checks are covered in test_admin


@pytest.mark.parametrize(("route", "view"), ROUTES, ids=[route for route, _ in ROUTES])
def test_incident_2_39_every_route_declares_its_permissions(route: str, view: Any) -> None:
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if cls is None:
        declared = getattr(view, "permission", None)
        assert route in OPEN_ROUTES or isinstance(declared, Permission), "declare a permission, or a reason why not"
        return
    handlers = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)}
    assert handlers, "a route that does nothing"
    assert handlers == set(cls.permissions), "each method needs a permission, and each permission a method"
    for required in cls.permissions.values():
        assert isinstance(required, Permission) or required in get_args(Open)
    if "<str:workspace>" in route:
        assert all(isinstance(required, Permission) for required in cls.permissions.values())


def test_every_socket_message_declares_its_permission() -> None:
    from agents.ws import messages

    kinds = {
        name
        for name, item in vars(messages).items()
        if isinstance(item, type) and item.__module__ == messages.__name__ and not issubclass(item, Exception)
    }
    assert {"Authenticate", "Unsubscribe", "Ping"} <= kinds
    assert set(SOCKET_MESSAGES) == {"authenticate", "subscribe", "unsubscribe", "ping"}
    assert all(value is None or isinstance(value, Permission) for value in SOCKET_MESSAGES.values())
    assert all(isinstance(value, Permission) for value in TOPIC_PERMISSIONS.values())


def test_g15_the_committed_matrix_is_what_the_code_says_now() -> None:
    committed = (Path(__file__).resolve().parent.parent.parent / "docs" / "permissions.md").read_text()
    assert committed == render(), "Run `python manage.py permission_table --write` and commit docs/permissions.md."
