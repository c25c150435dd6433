"""Workspaces, and who works in them as what."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Lower

from accounts.models.user import User
from accounts.roles import CUSTOM, ROLE_PERMISSIONS, Role, known
from core.authz import Permission
from core.models import Identified, WorkspaceOwned


class Workspace(Identified):
    """The only tenant boundary: everything belongs to exactly one."""

    id_prefix: ClassVar[str] = "wsp"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    require_second_factor = models.BooleanField(
        default=False, help_text="Only those who signed in with a second factor get in."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class CustomRole(WorkspaceOwned):
    """A role that a workspace made for itself: a row of the role table in accounts.roles."""

    id_prefix: ClassVar[str] = "rol"

    name = models.CharField(max_length=60)
    description = models.CharField(max_length=300, blank=True)
    permissions = models.JSONField(default=list, help_text="Names as in core.authz.Permission.")

    class Meta:
        verbose_name = "role of a workspace"
        verbose_name_plural = "roles of workspaces"
        constraints = [models.UniqueConstraint("workspace", Lower("name"), name="one_role_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def held(self) -> frozenset[Permission]:
        return known(self.permissions)


class Membership(WorkspaceOwned):
    """A person's role in a workspace: a built-in one, or one of the workspace's own."""

    id_prefix: ClassVar[str] = "mbr"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(name, name) for name in (*(role.value for role in Role), CUSTOM)])
    custom_role = models.ForeignKey(
        CustomRole, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_role_per_person"),
            models.CheckConstraint(
                condition=(models.Q(role=CUSTOM) & models.Q(custom_role__isnull=False))
                | (~models.Q(role=CUSTOM) & models.Q(custom_role=None)),
                name="custom_roles_are_named",
                violation_error_message="Choose a custom role together with the role “custom”, and only then.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role_name}"

    @property
    def role_key(self) -> str:
        """What the API calls the role: a built-in name, or the id of a role of the workspace."""
        return self.custom_role_id or self.role

    @property
    def role_name(self) -> str:
        """What people call the role."""
        return self.custom_role.name if self.custom_role is not None else self.role

    @property
    def held(self) -> frozenset[Permission]:
        """What the role allows now."""
        return ROLE_PERMISSIONS[Role(self.role)] if self.custom_role is None else self.custom_role.held


class WorkspaceGroup(WorkspaceOwned):
    """People of a workspace to whom something is granted together. django-guardian knows it by its `group`.

    The name that people gave it stands here; the row of Django's own table is named by our id, as those names are
    unique over all workspaces.
    """

    id_prefix: ClassVar[str] = "grp"

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    external_id = models.CharField(max_length=300, blank=True, help_text="What a directory (SCIM) calls it.")
    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="workspace_group", editable=False)

    class Meta:
        verbose_name = "group"
        verbose_name_plural = "groups"
        constraints = [models.UniqueConstraint("workspace", Lower("name"), name="one_group_per_name")]

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self.group.delete()
