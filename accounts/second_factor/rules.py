"""Who must have a second factor. Asked at every door, by every way of signing in."""

from __future__ import annotations

from django.conf import settings

from accounts.models import Membership
from core.errors import PermissionDenied


class EnrolmentRequired(PermissionDenied):
    """A second factor is asked for here, and this sign-in has none: set one up under me/second-factors/, then go on."""

    code, title = "second_factor_enrolment_required", "Set up a second factor first"


def is_required_of(user_id: str) -> bool:
    """Whether the operator, or a workspace that the person works in, asks for a second factor."""
    if settings.REQUIRE_SECOND_FACTOR:
        return True
    return Membership.objects.filter(user_id=user_id, workspace__require_second_factor=True).exists()


def refuse_without_factor(proved: bool | None, *, workspace_requires: bool) -> None:
    """EnrolmentRequired for a sign-in without a second factor where one is asked for.

    `proved` None is for what is no sign-in of a person: tokens, and work that goes on in their name.
    """
    if proved is False and (workspace_requires or settings.REQUIRE_SECOND_FACTOR):
        raise EnrolmentRequired(
            "This workspace asks for a second factor. Set one up under Settings, Security; then you are in."
        )


def must_have_for_admin() -> bool:
    """Whether the operator admin lets in only those who signed in with a second factor."""
    return bool(settings.REQUIRE_SECOND_FACTOR)
