"""Set-up, signing in, the person and their workspaces, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services, setup
from accounts.api import serializers as s
from accounts.api.cookies import clear_refresh_cookie, read_refresh_cookie, require_web_client, set_refresh_cookie
from accounts.models import LoginSession, Membership, User, Workspace
from accounts.rest.views import ApiView, WorkspaceView
from accounts.second_factor.proofs import has_factor
from accounts.second_factor.rules import is_required_of
from accounts.selectors import memberships_of
from accounts.sessions import is_live, open_session, refresh_session, session_of_refresh_token, sign_out
from accounts.sign_in import sign_in
from accounts.sso.domains import is_there_a_way
from accounts.tokens import Principal, carried, mint_tokens
from core.authz import Permission
from core.errors import NotAuthenticated

ANYONE: dict[str, Any] = {"auth": []}


class SetUp(ApiView):
    permissions = {"GET": "anyone", "POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="setup_state", responses=s.SetUpState, **ANYONE)
    def get(self, request: Request) -> Response:
        """Whether the first set-up is still to be done, and which doors there are."""
        return self.ok({"required": not setup.is_set_up(), "single_sign_on": is_there_a_way()})

    @extend_schema(operation_id="setup", request=s.SetUpIn, responses={201: s.SetUpOut}, **ANYONE)
    def post(self, request: Request) -> Response:
        """Make the first person and workspace, with the code that the server printed."""
        user, workspace = setup.set_up(**self.read(s.SetUpIn), ip=self.client_ip)
        web = request.headers.get("X-AAP-Client") == "web"
        client = LoginSession.Client.WEB if web else LoginSession.Client.API
        session = open_session(user, client=client, ip=self.client_ip, user_agent=agent_of(request))
        tokens = mint_tokens(session)
        response = self.created(
            {
                "access": tokens.access,
                "expires_in": tokens.expires_in,
                "user": {"id": user.id, "email": user.email},
                "workspace": {"id": workspace.id, "slug": workspace.slug, "name": workspace.name},
            }
        )
        if web:
            set_refresh_cookie(response, tokens.refresh, session)
        return response


class Token(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="token_create", request=s.CredentialsIn, responses=s.TokenPairOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Sign in as an API client: an access and a refresh token, or a challenge for a second factor."""
        session = sign_in(
            **self.read(s.CredentialsIn),
            client=LoginSession.Client.API,
            ip=self.client_ip,
            user_agent=agent_of(request),
        )
        return self.ok(pair_of(mint_tokens(session)))


class TokenRefresh(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="token_refresh", request=s.RefreshIn, responses=s.TokenPairOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Fresh tokens. The refresh token is used up; sending it again ends the sign-in."""
        token = self.read(s.RefreshIn)["refresh"]
        return self.ok(pair_of(refresh_session(token, client=LoginSession.Client.API, ip=self.client_ip)))


class Logout(ApiView):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="logout", request=s.NothingIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """End this sign-in: its access token, refresh token and sockets."""
        self.read(s.NothingIn)
        sign_out(session_id=self.principal.session_id, ip=self.client_ip)
        return self.no_content()


class WebSession(ApiView):
    """The web client's sign-in: the refresh token stays in a cookie that scripts cannot read."""

    permissions = {"POST": "anyone", "DELETE": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="session_create", request=s.CredentialsIn, responses=s.AccessOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Sign in from a browser; or get a challenge for a second factor."""
        require_web_client(request)
        session = sign_in(
            **self.read(s.CredentialsIn),
            client=LoginSession.Client.WEB,
            ip=self.client_ip,
            user_agent=agent_of(request),
        )
        return web_sign_in(self, session)

    @extend_schema(operation_id="session_end", responses={204: None}, **ANYONE)
    def delete(self, request: Request) -> Response:
        """Sign out."""
        require_web_client(request)
        session_id = session_of_refresh_token(read_refresh_cookie(request))
        if session_id:
            sign_out(session_id=session_id, ip=self.client_ip)
        response = self.no_content()
        clear_refresh_cookie(response)
        return response


class WebSessionRefresh(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="session_refresh", request=s.NothingIn, responses=s.AccessOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """A fresh access token for the browser that holds the cookie."""
        require_web_client(request)
        self.read(s.NothingIn)
        try:
            tokens = refresh_session(read_refresh_cookie(request), client=LoginSession.Client.WEB, ip=self.client_ip)
        except NotAuthenticated as error:
            from core.rest.problem import problem_response

            refused: Any = problem_response(error)
            clear_refresh_cookie(refused)
            return refused  # type: ignore[no-any-return]
        response = self.ok({"access": tokens.access, "expires_in": tokens.expires_in})
        session = LoginSession.objects.select_related("user").get(pk=session_of_refresh_token(tokens.refresh))
        if is_live(session):
            set_refresh_cookie(response, tokens.refresh, session)
        return response


class Me(ApiView):
    personal = True
    permissions = {"GET": "any_credential", "PATCH": "signed_in"}

    @extend_schema(operation_id="me", responses=s.MeOut)
    def get(self, request: Request) -> Response:
        """Who I am, and the workspaces I am a member of."""
        return self.ok(_me(self.principal.load_user(), self.principal))

    @extend_schema(operation_id="me_update", request=s.ProfileIn, responses=s.MeOut)
    def patch(self, request: Request) -> Response:
        """Change my name."""
        user = services.update_profile(self.actor, user=self.principal.load_user(), **self.read(s.ProfileIn))
        return self.ok(_me(user, self.principal))


class MyPassword(ApiView):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="me_password", request=s.PasswordIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Change my password; all my other sign-ins end."""
        services.change_password(self.actor, user=self.principal.load_user(), **self.read(s.PasswordIn))
        return self.no_content()


class WorkspaceDetail(WorkspaceView):
    permissions = {"GET": Permission.WORKSPACE_VIEW, "PATCH": Permission.WORKSPACE_EDIT}

    @extend_schema(operation_id="workspace", responses=s.WorkspaceOut)
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace, and my role in it."""
        return self.ok(self._present(self._row()))

    @extend_schema(operation_id="workspace_update", request=s.WorkspaceIn, responses=s.WorkspaceOut)
    def patch(self, request: Request, workspace: str) -> Response:
        """Rename the workspace, or ask everybody in it for a second factor (which needs a fresh proof of who one is)."""
        changed = services.update_workspace(self.actor, workspace=self._row(), **self.read(s.WorkspaceIn))
        return self.ok(self._present(changed))

    def _row(self) -> Workspace:
        return Workspace.objects.get(pk=self.workspace.id)

    def _present(self, row: Workspace) -> dict[str, Any]:
        return {
            **_workspace(row, self.actor.role or "", self.actor.permissions),
            "created_at": row.created_at,
            "require_second_factor": row.require_second_factor,
        }


def agent_of(request: Request) -> str:
    return str(request.headers.get("User-Agent", ""))


def web_sign_in(view: ApiView, session: LoginSession) -> Response:
    """The answer to a browser that was let in: the access token, and the cookie."""
    tokens = mint_tokens(session)
    response = view.ok({"access": tokens.access, "expires_in": tokens.expires_in})
    set_refresh_cookie(response, tokens.refresh, session)
    return response


def pair_of(tokens: Any) -> dict[str, Any]:
    return {"access": tokens.access, "refresh": tokens.refresh, "expires_in": tokens.expires_in}


def _workspace(row: Workspace, role: str, held: frozenset[Permission]) -> dict[str, Any]:
    return {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "role": role,
        "permissions": sorted(held),
    }


def _me(user: User, principal: Principal) -> dict[str, Any]:
    memberships: Sequence[Membership] = list(memberships_of(user))
    if principal.token is not None:  # it knows of its own workspace only
        memberships = [one for one in memberships if one.workspace_id == principal.token.workspace_id]
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "is_operator": user.is_staff,
        "has_password": user.has_usable_password(),
        "second_factor": {"enrolled": has_factor(user.pk), "required": is_required_of(user.pk)},
        "workspaces": [
            _workspace(member.workspace, member.role_key, carried(member.held, principal)) for member in memberships
        ],
    }
