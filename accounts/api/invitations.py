"""Inviting into a workspace, and accepting, over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitations as verbs
from accounts.api import invitation_bodies as b
from accounts.api.cookies import set_refresh_cookie
from accounts.api.serializers import NothingIn
from accounts.api.views import ANYONE, agent_of
from accounts.invitation_acceptance import Accepted, accept_as_new, accept_signed_in, look_at_invitation
from accounts.mail import is_mail_set_up
from accounts.members import find_role
from accounts.models import Invitation, LoginSession
from accounts.rest.views import ApiView, WorkspaceView
from accounts.selectors import invitations_visible_to
from accounts.sign_in import admit
from accounts.tokens import Principal, actor_without_workspace, mint_tokens
from core.authz import Permission
from core.errors import PermissionDenied
from core.rest.pages import page_of


class InvitationList(WorkspaceView):
    personal = True
    permissions = {"GET": Permission.INVITATION_VIEW, "POST": Permission.INVITATION_CREATE}
    rates = {"POST": "mail"}
    idempotent = True
    shown_once = "link"

    @extend_schema(operation_id="invitations", responses=page_of(b.InvitationOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The invitations that are open, newest first."""
        return self.page(invitations_visible_to(self.actor), b.InvitationOut, ordering=("-created_at", "-id"))

    @extend_schema(operation_id="invitation_create", request=b.InvitationIn, responses={201: b.InvitedOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Invite one person by e-mail, or several by a link; to a role that holds no more than you do."""
        return self.created(_invited(verbs.invite(self.actor, **self.read(b.InvitationIn))))


class InvitationDetail(WorkspaceView):
    permissions = {"DELETE": Permission.INVITATION_REVOKE}

    @extend_schema(operation_id="invitation_revoke", responses={204: None})
    def delete(self, request: Request, workspace: str, invitation_id: str) -> Response:
        """Revoke an invitation; its link is void at once."""
        row = self.find(invitations_visible_to(self.actor), invitation_id)
        verbs.revoke_invitation(self.actor, invitation=row)
        return self.no_content()


class InvitationResend(WorkspaceView):
    permissions = {"POST": Permission.INVITATION_CREATE}
    rates = {"POST": "mail"}
    idempotent = True
    shown_once = "link"

    @extend_schema(operation_id="invitation_resend", request=NothingIn, responses=b.InvitedOut)
    def post(self, request: Request, workspace: str, invitation_id: str) -> Response:
        """Send an invitation again, with a new link and a new term; the old link is void."""
        self.read(NothingIn)
        row = self.find(invitations_visible_to(self.actor), invitation_id)
        return self.ok(_invited(verbs.resend_invitation(self.actor, invitation=row)))


class InvitationLook(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="invitation_look", request=b.InvitationTokenIn, responses=b.InvitationLookOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """What an invitation is for, before it is accepted."""
        row = look_at_invitation(**self.read(b.InvitationTokenIn), ip=self.client_ip)
        return self.ok(
            {
                "kind": row.kind,
                "email": row.email,
                "domain": row.domain,
                "role": find_role(row.workspace_id, row.role).name,
                "workspace": row.workspace.name,
                "by_mail": row.kind == Invitation.Kind.LINK and is_mail_set_up(),
                "expires_at": row.expires_at,
            }
        )


class InvitationAccept(ApiView):
    permissions = {"POST": "anyone"}

    @extend_schema(
        operation_id="invitation_accept",
        request=b.AcceptIn,
        responses={200: b.AcceptOut, 202: b.AcceptOut},
    )
    def post(self, request: Request) -> Response:
        """Accept an invitation: signed in, or as somebody new with a name and a password, who is then signed in.

        202: somebody new who came by a link gets a link of their own by mail, whatever their address.
        """
        given = self.read(b.AcceptIn)
        if isinstance(request.auth, Principal):
            return self.ok(self._answer(self._accept_signed_in(request.auth, given["token"])))
        accepted = accept_as_new(**given, ip=self.client_ip)
        if accepted.user is None:
            return self.ok(self._answer(accepted), status=202)
        web = request.headers.get("X-AAP-Client") == "web"
        client = LoginSession.Client.WEB if web else LoginSession.Client.API
        session = admit(accepted.user, how="invitation", client=client, ip=self.client_ip, user_agent=agent_of(request))
        tokens = mint_tokens(session)
        response = self.ok(
            {
                **self._answer(accepted),
                "access": tokens.access,
                "refresh": None if web else tokens.refresh,
                "expires_in": tokens.expires_in,
            }
        )
        if web:
            set_refresh_cookie(response, tokens.refresh, session)
        return response

    def _accept_signed_in(self, principal: Principal, token: str) -> Accepted:
        if principal.token is not None:
            raise PermissionDenied("A person accepts an invitation, not a token.")
        return accept_signed_in(actor_without_workspace(principal), user=principal.load_user(), token=token)

    @staticmethod
    def _answer(accepted: Accepted) -> dict[str, Any]:
        space = accepted.workspace
        where = {"id": space.id, "slug": space.slug, "name": space.name} if space else None
        return {"workspace": where, "access": None, "refresh": None, "expires_in": None}


def _invited(invited: verbs.Invited) -> dict[str, Any]:
    return {**b.present(invited.invitation), "link": invited.link}
