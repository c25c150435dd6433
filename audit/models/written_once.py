"""Rows that are written once: the ORM refuses to change or delete them, and so does the database (migrations)."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)

_CHANGED = "Rows of the audit log are written once and never changed."
_DELETED = "Rows of the audit log are never deleted, except by a recorded cut (audit.retention)."


class WrittenOnceRows(models.QuerySet[M]):
    def update(self, **changes: Any) -> int:
        raise TypeError(_CHANGED)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise TypeError(_CHANGED)

    def delete(self) -> Any:
        raise TypeError(_DELETED)


class WrittenOnce(models.Model):
    objects = WrittenOnceRows.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(_CHANGED)
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(_DELETED)
