"""The operator admin's sign-in form: the same proofs and the same brakes as the API's doors, a second factor included.

First the e-mail address and the password; then, for those who have a second factor, its answer together with the
challenge that the first step brought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from accounts.admin_factor import METHODS, read_answer
from accounts.models import FactorChallenge, LoginSession, SsoConnection, User
from accounts.rest.address import client_ip
from accounts.second_factor.challenges import Asked, answer, ask
from accounts.second_factor.proofs import has_factor
from accounts.second_factor.rules import must_have_for_admin
from accounts.sign_in import PASSWORD, prove_password, record_refused_factor, refuse_other_ways
from accounts.sso.enforcement import SsoRequired
from accounts.sso.operators import is_there_a_way_in
from accounts.tokens import anonymous_actor
from audit import kinds, record
from core.errors import DomainError, NotAuthenticated

_CLIENT = LoginSession.Client.ADMIN.value


class OperatorSignIn(AuthenticationForm):
    challenge = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    method = forms.ChoiceField(required=False, choices=[(name, name) for name in METHODS])
    response = forms.CharField(required=False, max_length=16_384, strip=False)
    options = forms.CharField(required=False, max_length=16_384, widget=forms.HiddenInput)

    #: What the second step shows; None in the first.
    asked: Asked | None = None
    #: Where those go who have to come through their organisation, and what their password was good for.
    ways: Sequence[Mapping[str, str]] = ()
    ticket = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.second_step = bool(self.data.get("challenge"))
        if self.second_step:
            for name in ("username", "password"):
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        try:
            if self.second_step:
                self._answer_challenge()
            else:
                self._prove_password()
        except SsoRequired as error:
            opened = {one.pk for one in SsoConnection.objects.filter(enabled=True) if one.opens_admin}
            self.ways = [way for way in error.extra["connections"] if way["id"] in opened]
            self.ticket = error.extra["ticket"] or ""
            raise ValidationError(error.detail, code=error.code) from None
        except DomainError as error:
            raise ValidationError(error.detail, code=error.code) from None
        data: dict[str, Any] = self.cleaned_data
        return data

    @property
    def offers_sso(self) -> bool:
        return is_there_a_way_in()

    def _prove_password(self) -> None:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not email or not password:
            return  # the fields have said so
        user = prove_password(email=str(email), password=str(password), client=_CLIENT, ip=self._ip)
        self._let_in(user)
        refuse_other_ways(user, PASSWORD, client=_CLIENT, ip=self._ip)
        if has_factor(user.pk):
            self.asked = ask(user, purpose=FactorChallenge.Purpose.SIGN_IN, client=_CLIENT, how=PASSWORD)
            raise ValidationError("Your password is right. Now your second factor.", code="second_factor_required")
        if must_have_for_admin():
            raise ValidationError(
                "A second factor is asked for here. Set one up in the web client under Settings, Security, then come back.",
                code="second_factor_enrolment_required",
            )
        self._accept(user, how=PASSWORD, second_factor=False)

    def _answer_challenge(self) -> None:
        said, asked = read_answer(self.cleaned_data)
        if said is None:
            raise NotAuthenticated("That was not right. Try again.", code="wrong_second_factor")
        try:
            row = answer(**said, purpose=FactorChallenge.Purpose.SIGN_IN, client=_CLIENT, ip=self._ip)
        except NotAuthenticated as error:
            record_refused_factor(client=_CLIENT, ip=self._ip, why=error.code)
            if error.code == "wrong_second_factor":
                self.asked = asked
            raise
        self._let_in(row.user)
        refuse_other_ways(row.user, row.how, client=_CLIENT, ip=self._ip)
        self._accept(row.user, how=f"{row.how} {said['method']}", second_factor=True)

    def _let_in(self, user: User) -> None:
        """Django's own question: may they open the admin at all?"""
        try:
            self.confirm_login_allowed(user)
        except ValidationError:
            record.record_refusal(
                anonymous_actor(ip=self._ip),
                kind=kinds.SIGN_IN,
                target=("user", user.pk),
                data={"client": _CLIENT, "why": "no_operator"},
            )
            raise

    def _accept(self, user: User, *, how: str, second_factor: bool) -> None:
        user.backend = "django.contrib.auth.backends.ModelBackend"  # type: ignore[attr-defined]
        self.request.sign_in_proof = (how, second_factor)
        self.user_cache = user

    @property
    def _ip(self) -> str | None:
        return client_ip(self.request.META)
