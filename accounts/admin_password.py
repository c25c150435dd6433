"""An operator's own new password in the admin: with the brake, the rules and the audit entry of every other door."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.forms import AdminOwnPasswordChangeForm

from accounts.models import User
from accounts.services import change_password
from core.authz import Actor
from core.errors import DomainError
from core.request_context import current_request_id


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """The whole change is made while the form is cleaned, so that its refusals are the form's; `save` has nothing left.

    All sign-ins end, this one too: the page that follows asks to sign in with the new password.
    """

    def clean_old_password(self) -> str:
        return str(self.cleaned_data["old_password"])  # asked by the service, which counts wrong ones

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return data
        user = User.objects.get(pk=self.user.pk)
        actor = Actor("user", user.pk, user.email, None, request_id=current_request_id())
        try:
            change_password(actor, user=user, current_password=data["old_password"], new_password=data["new_password1"])
        except DomainError as error:
            about = {item.field for item in error.errors}
            self.add_error("new_password1" if "new_password" in about else "old_password", error.detail)
        return data

    def save(self, commit: bool = True) -> Any:
        return User.objects.get(pk=self.user.pk)


def own_password(request: HttpRequest) -> HttpResponseBase:
    """The admin's page for it, in place of the one that comes with it."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url="/admin/login/?next=/admin/",
        extra_context=admin.site.each_context(request),
        **({"template_name": admin.site.password_change_template} if admin.site.password_change_template else {}),
    )
    return view(request)
