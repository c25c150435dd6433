"""Commands on the server that make somebody powerful leave an entry, with the operating system's user."""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.models import AuditEntry


def me() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def test_incident_2_8_createsuperuser_leaves_an_entry(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct-horse-battery-7")
    monkeypatch.setenv("SUDO_USER", "jane")
    call_command("createsuperuser", "--noinput", email="op@example.com")
    user = User.objects.get(email="op@example.com")
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.target_id, entry.actor_kind) == ("user.make_operator", user.pk, "system")
    assert entry.data == {"os_user": me(), "sudo_user": "jane"}


def test_incident_2_8_no_entry_no_operator(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct-horse-battery-7")
    settings.AUDIT_KEYS = {}
    with pytest.raises(Exception):  # noqa: B017  # whatever it is, nobody was made
        call_command("createsuperuser", "--noinput", email="op@example.com")
    assert not User.objects.exists()


def test_incident_2_8_changepassword_leaves_an_entry(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create_superuser("op@example.com", "correct-horse-battery-7")
    monkeypatch.setattr("getpass.getpass", lambda prompt="": "another-horse-battery-8")
    call_command("changepassword", "op@example.com")
    user.refresh_from_db()
    assert user.check_password("another-horse-battery-8")
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.target_id, entry.data["os_user"]) == ("user.set_password", user.pk, me())
    with pytest.raises(CommandError):
        call_command("changepassword", "nobody@example.com")
    assert AuditEntry.objects.count() == 1
