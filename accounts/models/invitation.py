"""Invitations into a workspace."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.proofs import DIGEST_LENGTH
from accounts.models.user import User
from core.models import WorkspaceOwned


class Invitation(WorkspaceOwned):
    """A way into a workspace: for one e-mail address, once; or by a link, for as many as it says.

    Whoever comes new by a link gets an invitation of their own at the address that they gave (`by_link`), so that every
    address is one that its owner has read mail at. `role` is a role's key, `groups` are ids; both are looked up when
    somebody accepts.
    """

    id_prefix: ClassVar[str] = "inv"

    class Kind(models.TextChoices):
        EMAIL = "email"
        LINK = "link"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    email = models.EmailField(blank=True)
    domain = models.CharField(max_length=253, blank=True, help_text="A link may be kept to addresses of one domain.")
    role = models.CharField(max_length=64)
    groups = models.JSONField(default=list)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    by_link = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="+")
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    uses_left = models.PositiveIntegerField(default=1)
    used = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(kind="email", accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_email",
            )
        ]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"invitation of {self.email or 'whoever has the link'}"
