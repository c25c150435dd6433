"""The base of everything that belongs to a workspace. Owns no table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from core.authz import Actor, Permission
from core.ids import ID_LENGTH, new_id


class Identified(models.Model):
    """A row with a prefixed id that the application makes, so that it is known before the row is written."""

    id_prefix: ClassVar[str] = "obj"

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.id:
            self.id = new_id(self.id_prefix)


class WorkspaceOwned(Identified):
    """A row of one workspace. `access_q` is its object rule, read by both `authorize` and `visible_to`."""

    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        """Which rows of the actor's workspace the permission reaches; all of them unless a model says otherwise."""
        return models.Q()
