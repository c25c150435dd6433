"""What proves, for a short while and once, that somebody may do one thing: links in mails, and second factors under way.

Only digests of the secrets are stored.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.session import LoginSession
from accounts.models.user import User
from core.models import Identified

DIGEST_LENGTH = 64


class PasswordReset(Identified):
    """Somebody asked for a new password for an address, which need not be anybody's.

    Whether there is such a person is looked up afterwards, in the background, so that the answer takes the same time for
    everybody; `user` and `digest` are filled in then.
    """

    id_prefix: ClassVar[str] = "pwr"

    email = models.EmailField()
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, null=True)
    bound_to = models.CharField(
        max_length=DIGEST_LENGTH, blank=True, help_text="The password that it replaces, and the address."
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    looked_up_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="reset_due", condition=models.Q(looked_up_at=None)),
            models.Index(fields=["email", "created_at"], name="reset_by_email"),
        ]

    def __str__(self) -> str:
        return f"new password for {self.email}"


class EmailChange(Identified):
    """A person wants to sign in with another address; it holds once both addresses have confirmed it."""

    id_prefix: ClassVar[str] = "emc"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    old_email = models.EmailField()
    new_email = models.EmailField()
    old_digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    new_digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    old_confirmed_at = models.DateTimeField(null=True)
    new_confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.old_email} to {self.new_email}"


class FactorChallenge(Identified):
    """A second factor that is due: to sign in, to prove oneself again, or the one that is being set up.

    `state` is what the method needs to remember (a security key's ceremony; the sealed secret of codes to be set up).
    """

    id_prefix: ClassVar[str] = "chg"

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in"
        REAUTHENTICATE = "reauthenticate"
        ENROL = "enrol"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    client = models.CharField(max_length=10, choices=LoginSession.Client.choices)
    session = models.ForeignKey(LoginSession, null=True, on_delete=models.CASCADE, related_name="+")
    how = models.CharField(max_length=40, blank=True, help_text="How they proved who they are, before this.")
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    state = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} of {self.user_id}"
