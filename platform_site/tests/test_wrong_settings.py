"""A setting that cannot be right stops the start in one line that names it, and repeats no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_database]


def start(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AAP_LOG_LEVEL", "loud"),
        ("AAP_RATE_LIMITS", "lots"),
        ("AAP_RATE_LIMITS", "0"),
        ("AAP_RATE_LIMITS", "nan"),
        ("AAP_SERVE_WORKER", "never"),
        ("AAP_ALLOWED_ORIGINS", "https://good.example, agents.example.com"),
        ("AAP_ALLOWED_ORIGINS", "https://agents.example.com/chats"),
        ("AAP_ALLOWED_ORIGINS", "https://agents.example.com:port"),
        ("AAP_PUBLIC_URL", "http://[::1"),
        ("AAP_PUBLIC_URL", "http://localhost:99999"),
        ("AAP_AUDIT_EXPORT", "https://[::1"),
        ("AAP_BREACHED_PASSWORDS_URL", "http://[::1"),
        ("AAP_MAIL_URL", "smtp://hush-hush@host:port"),
        ("DATABASE_URL", "postgresql://me:hush-hush[@host/name"),
        ("DATABASE_URL", "postgresql://me:hush-hush@host:port/name"),
        ("SENTRY_DSN", "hush-hush"),
        ("SENTRY_DSN", "https://hush-hush@sentry.example.com/"),
        ("AAP_SECRET_KEY", "hush-hush\udcff"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name: str, value: str, tmp_path: Path) -> None:
    refused = start(tmp_path, **{name: value})
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(name) and "hush-hush" not in line


def test_the_same_when_right_is_taken(tmp_path: Path) -> None:
    right = {
        "AAP_LOG_LEVEL": "warning",
        "AAP_ALLOWED_ORIGINS": "https://agents.example.com/, http://[::1]:8000",
        "AAP_PUBLIC_URL": "http://[::1]:8000",
        "AAP_MAIL_URL": "smtp://me:hush-hush@host:587",
        "AAP_MAIL_FROM": "agents@example.com",
        "SENTRY_DSN": "https://key@sentry.example.com/1",
    }
    taken = start(tmp_path, **right)
    assert taken.returncode == 0, taken.stderr
