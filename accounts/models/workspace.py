"""Workspaces, and who works in them as what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.user import User
from accounts.roles import Role
from core.models import Identified, WorkspaceOwned


class Workspace(Identified):
    """The only tenant boundary: everything belongs to exactly one."""

    id_prefix: ClassVar[str] = "wsp"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(WorkspaceOwned):
    """A person's role in a workspace."""

    id_prefix: ClassVar[str] = "mbr"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_role_per_person")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"
