"""What a person says while a run goes on."""

from __future__ import annotations

from django.db import models

from core.ids import ID_LENGTH


class Interjection(models.Model):
    """A message that steers a run. The run's holder takes it into the journal before its next model call; one that came too
    late becomes the next run's question. `taken` in the same transaction, so neither twice nor never."""

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False, help_text="The id of the message.")
    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="interjections")
    author = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=ID_LENGTH, blank=True, help_text="The API token it was said with, if any.")
    text = models.TextField()
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    taken = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["run"], condition=models.Q(taken=False), name="interjections_not_taken"),
        ]

    def __str__(self) -> str:
        return self.id
