"""Signing in through identity providers over HTTP: setting out, setting up, and one's own links.

Where browsers come back to stands in accounts.api.sso_doors.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import sso_bodies as b
from accounts.api.cookies import require_web_client
from accounts.api.serializers import NothingIn
from accounts.api.sso_doors import set_attempt_cookie
from accounts.models import LoginSession, SsoAttempt, SsoConnection
from accounts.rest.views import ApiView, WorkspaceView
from accounts.sessions import require_fresh
from accounts.sso import attempts, connections, saml
from accounts.sso.domains import connections_for
from accounts.sso.identities import identities_of, remove_identity
from accounts.tokens import Principal
from core.authz import Permission
from core.errors import NotAuthenticated, NotFound, PermissionDenied
from core.rest.pages import page_of
from limits.admission import admit, place
from limits.rules import SIGN_ON

Purpose = SsoAttempt.Purpose


class SsoDiscover(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="sso_discover", request=b.SsoDiscoverIn, responses=b.SsoDiscoverOut, auth=[])
    def post(self, request: Request) -> Response:
        """Through which identity providers people with this address can sign in. Only its domain is looked at."""
        rows = connections_for(self.read(b.SsoDiscoverIn)["email"])
        return self.ok({"connections": b.SsoWayOut(rows, many=True).data})


class SsoStart(ApiView):
    permissions = {"POST": "anyone"}

    @extend_schema(operation_id="sso_start", request=b.SsoStartIn, responses=b.SsoStartOut)
    def post(self, request: Request) -> Response:
        """Set out for an identity provider: where to send the browser, which gets a cookie that only this attempt knows.

        Signing in needs no credential. `link` (needs a fresh proof) and `reauthenticate` are for whoever is signed in. The
        browser comes back to `next`, or to /sign-in/ or /settings/security/ with what happened after the `#`.
        """
        require_web_client(request)
        given = self.read(b.SsoStartIn)
        admit((SIGN_ON, place(self.client_ip)))
        who: dict[str, Any] = {"ticket": given["ticket"]}
        if given["purpose"] != Purpose.SIGN_IN:
            who = self._who(given["purpose"])
        begun = attempts.begin(given["connection"], purpose=given["purpose"], next_path=given["next"], **who)
        return _setting_out(self, begun, {"url": begun.url})

    def _who(self, purpose: str) -> dict[str, Any]:
        principal = self.request.auth
        if not isinstance(principal, Principal):
            raise NotAuthenticated()
        if principal.token is not None:
            raise PermissionDenied("This is for people who signed in; no API token can do it.", code="people_only")
        self._enter(principal)
        if purpose == Purpose.LINK:
            require_fresh(principal.session_id)
        return {"user": principal.load_user(), "session": LoginSession.objects.get(pk=principal.session_id)}


class MyIdentities(ApiView):
    personal = True
    permissions = {"GET": "signed_in"}

    @extend_schema(operation_id="me_identities", responses=page_of(b.IdentityOut))
    def get(self, request: Request) -> Response:
        """The sign-ins elsewhere that are linked to my account."""
        rows = identities_of(self.principal.load_user())
        return self.page(rows, b.IdentityOut, ordering=("created_at", "id"))


class MyIdentity(ApiView):
    permissions = {"DELETE": "signed_in"}

    @extend_schema(operation_id="me_identity_remove", responses={204: None})
    def delete(self, request: Request, identity_id: str) -> Response:
        """Unlink a sign-in elsewhere; needs a fresh proof of who I am. The only way in, and an enforced one, stay."""
        remove_identity(self.actor, user=self.principal.load_user(), identity_id=identity_id)
        return self.no_content()


class ConnectionView(WorkspaceView):
    def connection(self, connection_id: str) -> SsoConnection:
        found: SsoConnection = self.find(connections.connections_visible_to(self.actor), connection_id)
        return found

    def present(self, rows: Any) -> Any:
        listed = list(rows)
        context = {
            "domains": connections.domains_of(listed),
            "redirect_uri": _redirect_uri,
            "entity_id": _entity_id,
        }
        return b.SsoConnectionOut(listed, many=True, context=context).data


class ConnectionList(ConnectionView):
    permissions = {"GET": Permission.SSO_VIEW, "POST": Permission.SSO_EDIT}
    rates = {"POST": "vendor"}
    idempotent = True

    @extend_schema(operation_id="sso_connections", responses=page_of(b.SsoConnectionOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace's identity providers."""
        rows = connections.connections_visible_to(self.actor)
        return self.page(rows, self.present, ordering=("created_at", "id"))

    @extend_schema(operation_id="sso_connection_create", request=b.SsoConnectionIn, responses={201: b.SsoConnectionOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Set up an identity provider; its discovery document or metadata is read now. Needs a fresh proof of who I am."""
        row = connections.create_connection(self.actor, **self.read(b.SsoConnectionIn))
        return self.created(self.present([row])[0])


class ConnectionDetail(ConnectionView):
    permissions = {"GET": Permission.SSO_VIEW, "PATCH": Permission.SSO_EDIT, "DELETE": Permission.SSO_EDIT}
    rates = {"PATCH": "vendor"}

    @extend_schema(operation_id="sso_connection", responses=b.SsoConnectionOut)
    def get(self, request: Request, workspace: str, connection_id: str) -> Response:
        """An identity provider."""
        return self.ok(self.present([self.connection(connection_id)])[0])

    @extend_schema(operation_id="sso_connection_update", request=b.SsoConnectionPatch, responses=b.SsoConnectionOut)
    def patch(self, request: Request, workspace: str, connection_id: str) -> Response:
        """Change it. Sending `issuer`, `metadata` or `metadata_url` reads the provider anew. `enforced` needs my own
        account linked and a test of mine within the last hour. Needs a fresh proof of who I am, and all that it gives.
        """
        row = connections.update_connection(
            self.actor, connection=self.connection(connection_id), **self.read(b.SsoConnectionPatch)
        )
        return self.ok(self.present([row])[0])

    @extend_schema(operation_id="sso_connection_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, connection_id: str) -> Response:
        """Take it away, with the links to it; the sign-ins through it end."""
        connections.delete_connection(self.actor, connection=self.connection(connection_id))
        return self.no_content()


class ConnectionTest(ConnectionView):
    permissions = {"POST": Permission.SSO_EDIT}

    @extend_schema(operation_id="sso_test", request=NothingIn, responses=b.SsoTestStartedOut)
    def post(self, request: Request, workspace: str, connection_id: str) -> Response:
        """Try it out: send the browser to `url`, then look at the test. No session is opened by it."""
        self.read(NothingIn)
        row = self.connection(connection_id)
        admit((SIGN_ON, place(self.client_ip)))
        session = LoginSession.objects.get(pk=self.principal.session_id)
        begun = attempts.begin_test(self.actor, connection=row, user=self.principal.load_user(), session=session)
        return _setting_out(self, begun, {"url": begun.url, "test": begun.attempt.pk})


class ConnectionTestDetail(ConnectionView):
    permissions = {"GET": Permission.SSO_EDIT}

    @extend_schema(operation_id="sso_test_outcome", responses=b.SsoTestOut)
    def get(self, request: Request, workspace: str, connection_id: str, test_id: str) -> Response:
        """What came of a test of mine: the decoded claims, and which role they would give. Kept for an hour."""
        row = self.connection(connection_id)
        tests = SsoAttempt.objects.filter(connection=row, purpose=Purpose.TEST, user_id=self.actor.user_id)
        test = tests.filter(pk=test_id).first()
        if test is None:
            raise NotFound()
        outcome = attempts.outcome_of(test)
        counts = test.passed_at is not None and test.passed_at > row.configured_at
        shown = {**_NOT_YET, **(outcome or {})}
        return self.ok({"id": test.pk, "done": outcome is not None, "counts": counts, **shown})


_NOT_YET: dict[str, Any] = {
    "ok": None,
    "error": None,
    "detail": "",
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


def _setting_out(view: ApiView, begun: attempts.Begun, answer: dict[str, Any]) -> Response:
    response = view.ok(answer)
    set_attempt_cookie(response, begun)
    response["Cache-Control"] = "no-store"
    return response


def _redirect_uri(row: SsoConnection) -> str:
    if row.kind == SsoConnection.Kind.SAML:
        return saml.acs_url(settings.PUBLIC_URL, row.pk)
    return attempts.callback_url(row.pk)


def _entity_id(row: SsoConnection) -> str | None:
    return saml.entity_id(settings.PUBLIC_URL, row.pk) if row.kind == SsoConnection.Kind.SAML else None
