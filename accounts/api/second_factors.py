"""Second factors over HTTP: the second half of signing in, one's own factors, and proving oneself again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import serializers as s
from accounts.api import sign_in_bodies as b
from accounts.api.cookies import require_web_client
from accounts.api.views import ANYONE, agent_of, pair_of, web_sign_in
from accounts.models import LoginSession, User
from accounts.reauthentication import reauthenticate, reauthenticate_with_factor
from accounts.rest.views import ApiView
from accounts.second_factor import factors
from accounts.second_factor.rules import is_required_of
from accounts.sign_in import admit_with_factor
from accounts.tokens import mint_tokens


class TokenSecondFactor(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="token_second_factor", request=b.SecondFactorIn, responses=s.TokenPairOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Answer the challenge that signing in as an API client brought."""
        session = admit_with_factor(
            **self.read(b.SecondFactorIn),
            client=LoginSession.Client.API,
            ip=self.client_ip,
            user_agent=agent_of(request),
        )
        return self.ok(pair_of(mint_tokens(session)))


class WebSessionSecondFactor(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="session_second_factor", request=b.SecondFactorIn, responses=s.AccessOut, **ANYONE)
    def post(self, request: Request) -> Response:
        """Answer the challenge that signing in from a browser brought."""
        require_web_client(request)
        session = admit_with_factor(
            **self.read(b.SecondFactorIn),
            client=LoginSession.Client.WEB,
            ip=self.client_ip,
            user_agent=agent_of(request),
        )
        return web_sign_in(self, session)


class _Own(ApiView):
    """What somebody does to their own account in the session that they are signed in with."""

    def me(self) -> User:
        return self.principal.load_user()

    def session(self) -> LoginSession:
        return LoginSession.objects.get(pk=self.principal.session_id)


class Reauthenticate(_Own):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="me_reauthenticate", request=b.ReauthenticateIn, responses=b.FreshOut)
    def post(self, request: Request) -> Response:
        """Prove once more who I am: with the password; then, for those with a second factor, with the answer to the
        challenge that comes back with 401 `second_factor_required`.

        Dangerous actions go through for some minutes afterwards.
        """
        given = self.read(b.ReauthenticateIn)
        who: dict[str, Any] = {"user": self.me(), "session": self.session()}
        if "challenge" in given:
            until = reauthenticate_with_factor(self.actor, **who, **given)
        else:
            until = reauthenticate(self.actor, **who, password=given.get("password", ""))
        return self.ok({"fresh_until": until})


class MyFactors(_Own):
    personal = True
    permissions = {"GET": "signed_in", "POST": "signed_in"}

    @extend_schema(operation_id="me_second_factors", responses=b.FactorsOut)
    def get(self, request: Request) -> Response:
        """My second factors."""
        user = self.me()
        return self.ok(
            {
                "results": [asdict(factor) for factor in factors.list_factors(user)],
                "next": None,
                "recovery_codes_left": factors.codes_left(user),
                "required": is_required_of(user.pk),
            }
        )

    @extend_schema(operation_id="me_second_factor_add", request=b.NewFactorIn, responses={201: b.NewFactorOut})
    def post(self, request: Request) -> Response:
        """Finish setting up a second factor with its first answer; all my other sign-ins end.

        Recovery codes come along with the first one.
        """
        added = factors.finish_enrolment(self.actor, user=self.me(), session=self.session(), **self.read(b.NewFactorIn))
        return self.created(asdict(added))


class BeginFactor(_Own):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="me_second_factor_begin", request=b.BeginFactorIn, responses=b.BeginFactorOut)
    def post(self, request: Request) -> Response:
        """Begin to set up a second factor; needs a fresh proof of who I am."""
        begun = factors.begin_enrolment(self.me(), session=self.session(), **self.read(b.BeginFactorIn))
        return self.ok(asdict(begun))


class MyFactor(_Own):
    permissions = {"PATCH": "signed_in", "DELETE": "signed_in"}

    @extend_schema(operation_id="me_second_factor_rename", request=b.FactorNameIn, responses=b.FactorOut)
    def patch(self, request: Request, factor_id: str) -> Response:
        """Give a second factor of mine another name."""
        given = self.read(b.FactorNameIn)
        return self.ok(asdict(factors.rename_factor(self.actor, user=self.me(), factor_id=factor_id, **given)))

    @extend_schema(operation_id="me_second_factor_remove", responses={204: None})
    def delete(self, request: Request, factor_id: str) -> Response:
        """Remove a second factor; needs a fresh proof of who I am. All my other sign-ins end."""
        factors.remove_factor(self.actor, user=self.me(), factor_id=factor_id)
        return self.no_content()


class RecoveryCodes(_Own):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="me_recovery_codes", request=s.NothingIn, responses=b.RecoveryCodesOut)
    def post(self, request: Request) -> Response:
        """New recovery codes in place of the old ones, shown once; needs a fresh proof of who I am."""
        self.read(s.NothingIn)
        return self.ok({"recovery_codes": factors.regenerate_codes(self.actor, user=self.me())})
