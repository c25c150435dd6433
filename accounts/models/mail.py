"""Mails that are due."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from core.models import Identified


class OutgoingMail(Identified):
    """One mail to one person, written in the transaction of the change that it tells about.

    `body` is sealed (it holds a secret link) and is emptied once the mail was sent or given up. `next_try_at` is also the
    lease: whoever takes the row up moves it ahead, and nobody else looks at it before then.
    """

    id_prefix: ClassVar[str] = "mal"

    class State(models.TextChoices):
        DUE = "due"
        SENT = "sent"
        GIVEN_UP = "given_up"

    kind = models.CharField(max_length=40)
    to = models.EmailField()
    body = models.TextField(blank=True, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When it is of no use any more.")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "mail sent"
        verbose_name_plural = "mails sent"
        indexes = [
            models.Index(fields=["next_try_at"], name="mail_due", condition=models.Q(state="due")),
            models.Index(fields=["ended_at"], name="mail_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"
