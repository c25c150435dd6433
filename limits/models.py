"""One row for each bucket that is not full. Losing them all would only let everybody begin anew."""

from __future__ import annotations

from django.db import models

KEY_LENGTH = 120


class Bucket(models.Model):
    """How far somebody's bucket has been emptied.

    `full_at` is the moment, in seconds since 1970 by the database's clock, at which the bucket is full again if nothing
    more is taken (the theoretical arrival time of the generic cell rate algorithm).
    """

    key = models.CharField(primary_key=True, max_length=KEY_LENGTH)
    full_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key
