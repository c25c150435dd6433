"""The admin's sign-in form: unfold's, with the same brake on guessing as the API's doors."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from accounts.attempts import refuse_guessing
from accounts.models import clean_email
from accounts.rest.address import client_ip
from core.errors import TooManyRequests


class OperatorSignIn(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        email = clean_email(str(self.cleaned_data.get("username") or ""))
        try:
            refuse_guessing(email=email, ip=client_ip(self.request.META))
        except TooManyRequests as error:
            raise ValidationError(error.detail) from None
        data: dict[str, Any] = super().clean()
        return data
