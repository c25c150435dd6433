"""A new password by a link, and another e-mail address, over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import sign_in_bodies as b
from accounts.api.views import ANYONE
from accounts.email_change import confirm_email, request_email_change
from accounts.password_reset import request_reset, reset_password
from accounts.rest.views import ApiView

SAID = "If somebody signs in here with this address, a mail with a link is on its way to them."


class PasswordResetStart(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="password_reset", request=b.ResetIn, responses={202: b.ResetOut}, **ANYONE)
    def post(self, request: Request) -> Response:
        """Ask for a mail with a link to choose a new password. The answer is the same for every address."""
        request_reset(**self.read(b.ResetIn), ip=self.client_ip)
        return self.ok({"detail": SAID}, status=202)


class PasswordResetConfirm(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="password_reset_confirm", request=b.ResetConfirmIn, responses={204: None}, **ANYONE)
    def post(self, request: Request) -> Response:
        """Choose a new password with the link's secret; all sign-ins end, then sign in anew."""
        reset_password(**self.read(b.ResetConfirmIn), ip=self.client_ip)
        return self.no_content()


class MyEmail(ApiView):
    permissions = {"POST": "signed_in"}
    rates = {"POST": "mail"}

    @extend_schema(operation_id="me_email", request=b.EmailChangeIn, responses={202: b.ResetOut})
    def post(self, request: Request) -> Response:
        """Ask to sign in with another address; both addresses get a link to confirm it. Needs a fresh proof of who I am."""
        request_email_change(self.actor, user=self.principal.load_user(), **self.read(b.EmailChangeIn))
        return self.ok({"detail": "Open the links in both mails, at the old and the new address."}, status=202)


class EmailConfirm(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="email_confirm", request=b.EmailConfirmIn, responses=b.EmailConfirmOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Confirm a change of address with the secret of one of the two links."""
        return self.ok({"done": confirm_email(**self.read(b.EmailConfirmIn), ip=self.client_ip)})
