"""People as a workspace's directory (SCIM) knows them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from accounts.models.user import User
from core.models import WorkspaceOwned


class ScimUser(WorkspaceOwned):
    """One user of a directory. The id is what the directory calls them by.

    `user` is None while somebody with an account of their own has not accepted the invitation yet. `made` says that the
    directory made the account: only then does it decide about the account as a whole. `attributes` are kept as they came.
    """

    id_prefix: ClassVar[str] = "scu"

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="scim")
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=300, blank=True)
    email = models.EmailField()
    active = models.BooleanField(default=True)
    made = models.BooleanField(default=False)
    role_given = models.CharField(
        max_length=64, blank=True, help_text="The role that the directory's groups gave last."
    )
    attributes = models.JSONField(default=dict)
    deleted_at = models.DateTimeField(null=True, help_text="Kept, so that somebody who returns is known again.")

    class Meta:
        verbose_name = "person from a directory"
        verbose_name_plural = "people from directories"
        constraints = [
            models.UniqueConstraint(
                "workspace",
                Lower("user_name"),
                condition=models.Q(deleted_at=None),
                name="one_scim_user_per_name",
            ),
            models.UniqueConstraint(
                fields=["workspace", "user"], condition=models.Q(user__isnull=False), name="one_scim_user_per_person"
            ),
        ]

    def __str__(self) -> str:
        return self.user_name
