"""The installation itself, as far as the database must know it."""

from __future__ import annotations

from django.db import models

from core.ids import ID_LENGTH


class Installation(models.Model):
    """The one row that says whether the first set-up has happened, and the installation's id."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name_id = models.CharField(max_length=ID_LENGTH, help_text="Distinguishes the cookies of two installations.")
    set_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return self.name_id
