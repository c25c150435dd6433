"""What the product refuses to start with, and that it says why: `check` and `serve`, as an operator calls them."""

from __future__ import annotations

import base64
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

ROOT = Path(__file__).resolve().parents[2]
STRONG = {
    "AAP_SECRET_KEY": "9vQ2m7Zx4Lr8Tn1Kc6Wb3Yd5Hs0PfJgUeAiOq-RtXwEv",
    "AAP_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(range(32))).decode(),
    "AAP_AUDIT_KEYS": "a1:" + base64.b64encode(bytes(range(1, 33))).decode(),
    "DJANGO_SETTINGS_MODULE": "platform_site.settings.production",
}
ADVICE = "The database is behind the code. Run `python manage.py upgrade`."
READY = "from django.test import Client; print(Client(HTTP_HOST='localhost').get('/readyz').content.decode())"
WORK = "from platform_site.working import work; work(concurrency=1, say=print)"
LOCAL = "platform_site.settings.local"
WEAK: dict[str, tuple[dict[str, str], dict[str, object], str]] = {
    "no key": ({"AAP_SECRET_KEY": ""}, {}, "AAP_SECRET_KEY is missing, short"),
    "a short key": ({"AAP_SECRET_KEY": "Ab3-short"}, {}, "AAP_SECRET_KEY is missing, short"),
    "django's": ({"AAP_SECRET_KEY": "django-insecure-" + "q8ZrT1vX" * 6}, {}, "AAP_SECRET_KEY is missing, short"),
    "changeme": ({"AAP_SECRET_KEY": "ChangeMe-" + "q8ZrT1vX" * 8}, {}, "AAP_SECRET_KEY is missing, short"),
    "one letter": ({"AAP_SECRET_KEY": "x" * 64}, {}, "AAP_SECRET_KEY is missing, short"),
    "no encryption key": ({"AAP_ENCRYPTION_KEYS": ""}, {}, "AAP_ENCRYPTION_KEYS is missing"),
    "no audit key": ({"AAP_AUDIT_KEYS": ""}, {}, "AAP_AUDIT_KEYS is missing"),
    "a key of zeros": ({}, {"ENCRYPTION_KEYS": {"k1": bytes(32)}}, "A key in AAP_ENCRYPTION_KEYS is not random"),
    "an audit key of zeros": ({}, {"AUDIT_KEYS": {"a1": bytes(32)}}, "A key in AAP_AUDIT_KEYS is not random"),
    "any host": ({}, {"ALLOWED_HOSTS": ["example.com", "*"]}, "AAP_ALLOWED_HOSTS must name the hosts"),
    "no limits": ({}, {"RATE_LIMITS": "off"}, "AAP_RATE_LIMITS=off is for benchmarks only"),
    "debug": ({}, {"DEBUG": True}, "DEBUG is on"),
}


def manage(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DATA_DIR": str(folder / "data"),
        "PORT": "0",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(("environment", "changed", "sentence"), WEAK.values(), ids=WEAK.keys())
def test_incident_2_13_production_does_not_start_weak(
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    environment: dict[str, str],
    changed: dict[str, object],
    sentence: str,
) -> None:
    for name, value in {**STRONG, **environment}.items():
        monkeypatch.setenv(name, value)
    for name, setting in {"PRODUCTION": True, "RATE_LIMITS": "1", **changed}.items():
        setattr(settings, name, setting)
    with pytest.raises(CommandError, match=sentence) as refused:
        call_command("serve", "--port", "0")
    assert str(refused.value).count("\n- ") == 1, "only what is wrong"


def test_incident_2_66_rotation_without_a_blacklist_is_refused(settings: Any) -> None:
    """On a laptop too: the library would take used refresh tokens again, and say nothing."""
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ROTATE_REFRESH_TOKENS": True}
    with pytest.raises(SystemCheckError, match=r"platform\.E008\) SIMPLE_JWT rotates refresh tokens without"):
        call_command("check")
    with pytest.raises(CommandError, match="rotates refresh tokens without the blacklist"):
        call_command("serve", "--port", "0")


def test_incident_3_12_a_process_holds_as_many_connections_as_its_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests and sockets there are; and whoever gets none within five seconds is told so."""
    from platform_site import env

    monkeypatch.setenv("AAP_DATABASE_POOL", "7")
    found: Any = env.parse_database_url("postgresql://user:pw@db:5432/platform?sslmode=verify-full")
    assert found["OPTIONS"]["pool"] == {"min_size": 1, "max_size": 7, "timeout": 5}
    assert found["CONN_MAX_AGE"] == 0, "each connection goes back to the pool"
    assert found["OPTIONS"]["sslmode"] == "verify-full"


@pytest.mark.one_database
@pytest.mark.slow
@pytest.mark.parametrize(("command", "served"), [("doctor", False), ("worker", False), ("runserver", True)])
def test_only_what_serves_loads_the_web_server(tmp_path: Path, command: str, served: bool) -> None:
    told = manage(tmp_path, command, "--help", DJANGO_SETTINGS_MODULE=LOCAL, PYTHONPROFILEIMPORTTIME="1")
    assert told.returncode == 0 and "django.core.management" in told.stderr
    assert ("daphne.server" in told.stderr) == served


@pytest.mark.one_database
@pytest.mark.slow
def test_serve_and_check_say_all_at_once_and_end_badly(tmp_path: Path) -> None:
    weak = {**STRONG, "AAP_SECRET_KEY": "short", "AAP_RATE_LIMITS": "off", "AAP_ALLOWED_HOSTS": "*"}
    ended = manage(tmp_path, "check", **weak)
    assert ended.returncode != 0
    assert {"E001", "E003", "E004"} == set(re.findall(r"platform\.(E\d+)", ended.stderr))
    assert "short" not in ended.stdout + ended.stderr.replace("missing, short or", "")
    served = manage(tmp_path, "serve", **weak)
    assert served.returncode != 0
    assert served.stderr.startswith("CommandError: Refused to start:\n- AAP_SECRET_KEY is missing")
    assert len(served.stderr.strip().splitlines()) == 4 and "Traceback" not in served.stderr
    assert "Ready" not in served.stdout
    good = manage(tmp_path, "check", **STRONG)
    assert good.returncode == 0, good.stderr


@pytest.mark.one_database
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("AAP_ENCRYPTION_KEYS", "k1:c2hvcnQ=", "each key 32 random bytes in base64"),
        ("AAP_AUDIT_KEYS", "a1:c2hvcnQ=", "each key 32 random bytes in base64"),
        ("AAP_SECRET_KEY_FILE", "/nowhere/key", "AAP_SECRET_KEY_FILE points at /nowhere/key, which cannot be read"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    ended = manage(tmp_path, "serve", **{name: value})
    assert ended.returncode != 0
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.one_database
@pytest.mark.slow
def test_keys_of_the_quickstart_are_kept_for_nobody_else_to_read(tmp_path: Path) -> None:
    behind = manage(tmp_path, "serve")
    assert behind.returncode != 0
    assert behind.stderr.strip().endswith(ADVICE) and "Traceback" not in behind.stderr
    kept = sorted((tmp_path / "data" / "keys").iterdir())
    assert [path.name for path in kept] == ["audit_keys", "encryption_keys", "secret_key"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    before = [path.read_text() for path in kept]
    assert manage(tmp_path, "check").returncode == 0
    assert [path.read_text() for path in kept] == before


@pytest.mark.one_database
@pytest.mark.slow
def test_whoever_finds_the_database_behind_says_the_same_and_it_helps(tmp_path: Path) -> None:
    """`upgrade`, not `migrate`: there may be data. From the start, and when a version brings a migration."""

    def told() -> list[str]:
        ready = manage(tmp_path, "shell", "--no-imports", "-c", READY)
        return [ready.stdout, manage(tmp_path, "doctor").stdout]

    assert manage(tmp_path, "upgrade").returncode == 0
    assert not any("behind the code" in text for text in told())
    with closing(sqlite3.connect(tmp_path / "data" / "platform.sqlite3")) as database, database:
        database.execute("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)")
    ready, doctor = told()
    assert ADVICE in ready
    assert "The database is behind the code." in doctor and "Run `python manage.py upgrade`." in doctor
    worker = manage(tmp_path, "shell", "--no-imports", "-c", WORK)
    assert worker.returncode and ADVICE in worker.stderr


@pytest.mark.one_database
@pytest.mark.slow
def test_asvs_3_4_1_3_3_1_hsts_and_cookies_in_production(tmp_path: Path) -> None:
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "for peer, extra in (('10.1.2.3', {'X-Forwarded-Proto': 'https'}), ('10.1.2.3', {}),\n"
        "                    ('192.0.2.1', {'X-Forwarded-Proto': 'https'})):\n"
        "    answer = Client(REMOTE_ADDR=peer).get('/healthz', headers={'Host': 'localhost', **extra})\n"
        "    print(answer.headers.get('Strict-Transport-Security'))\n"
        "from django.conf import settings\n"
        "print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.DEBUG)\n"
        "print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)\n"
    )
    clean = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), **STRONG}
    clean["AAP_TRUSTED_PROXIES"] = "10.0.0.0/8"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=clean, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "max-age=31536000; includeSubDomains",
        "None",
        "None",
        "True True False",
        "__Secure-aap_admin __Secure-aap_admin_csrf",
    ]
