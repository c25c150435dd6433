"""What an operator would look at when something is wrong, looked at in one go. Changes nothing.

Each check gives findings: what was seen, and what to do about it where there is something to do.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import connection

Level = Literal["ok", "warning", "failed"]
FREE_WARNING, FREE_FAILED = 1024**3, 200 * 1024**2
CLOCK_WARNING, CLOCK_FAILED = 1.0, 5.0
MANY_EVENTS = 10_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` is empty when there is nothing to do."""

    level: Level
    subject: str
    detail: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def examine(*, reach: bool) -> Iterator[Finding]:
    """All findings, in order. `reach` False: nobody outside is asked. A check that breaks is a finding, too."""
    from platform_site.health import CATCH_UP, schema_is_behind

    yield from _guarded("Settings", check_settings)
    findings = list(_guarded("Database", check_database))
    yield from findings
    if any(finding.level == "failed" for finding in findings):
        return
    try:
        behind = schema_is_behind()
    except Exception as error:
        yield _broken("Migrations", error)
        return
    yield (
        Finding("failed", "Migrations", "The database is behind the code.", CATCH_UP)
        if behind
        else Finding("ok", "Migrations", "All applied.")
    )
    yield from _guarded("Clock", check_clock)
    yield from _guarded("Bus", check_bus)
    if settings.ON_POSTGRES and not behind:
        yield from _guarded("Workers", check_workers)
    if settings.ON_POSTGRES:
        yield from _guarded("Time limits", check_time_limits)
    yield from _guarded("Disk", check_disk)
    yield from _guarded("Web client", check_client)
    if not behind:
        yield from _guarded("Mail", lambda: check_mail(reach))
        yield from _guarded("Encryption in transit", check_encryption)
        yield from _guarded("Providers", lambda: check_providers(reach))
        yield from _guarded("Runs", check_runs)
        yield from _guarded("Journal", check_journal)
        yield from _guarded("Audit log", check_audit)


def _guarded(subject: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield _broken(subject, error)


def _broken(subject: str, error: Exception) -> Finding:
    from platform_site.endings import in_words

    told = in_words(error) or f"{type(error).__name__}: {error}"
    return Finding("failed", subject, f"Could not be looked at. {told}")


def check_settings() -> Iterator[Finding]:
    from platform_site.checks import refusals

    problems = refusals()
    for problem in problems:
        yield Finding("failed", "Settings", str(problem.msg))
    if not problems:
        kind = "production" if settings.PRODUCTION else "quickstart"
        yield Finding("ok", "Settings", f"{kind}; data in {settings.DATA_DIR}.")
    if settings.PUBLIC_URL.startswith("https:") and not settings.TRUSTED_PROXIES:
        yield Finding(
            "warning", "Proxy", f"People come to {settings.PUBLIC_URL}, and no proxy is trusted to say so.",
            "Set AAP_TRUSTED_PROXIES to the networks of the proxy that ends TLS: without it there is no HSTS, and pages "
            "can neither open sockets nor sign in to the admin.",
        )  # fmt: skip
    keys = settings.DATA_DIR / "keys"
    if not settings.PRODUCTION and keys.exists() and keys.stat().st_mode & 0o077:
        yield Finding("warning", "Keys", f"Others may read {keys}.", f"Run `chmod -R go= {keys}`.")


def check_database() -> Iterator[Finding]:
    began = time.monotonic()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            name = f"SQLite {cursor.fetchone()[0]}"
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        else:
            cursor.execute("SHOW server_version")
            name, mode = f"PostgreSQL {cursor.fetchone()[0]}", "wal"
    took = (time.monotonic() - began) * 1000
    yield Finding("ok", "Database", f"{name}, answered in {took:.0f} ms.")
    if mode != "wal":
        yield Finding(
            "warning", "Database", f"The journal mode is {mode}, not wal: reading and writing block each other.",
            "Put the data folder on a local file system.",
        )  # fmt: skip


def check_time_limits() -> Iterator[Finding]:
    """Through a pooler we cannot set them for a session, or it drops what we set; the role must have them then."""
    pooled = connection.settings_dict.get("THROUGH_POOLER")
    wanted = ["lock_timeout", "idle_in_transaction_session_timeout", *(["statement_timeout"] if pooled else [])]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE setting = '0' AND name = ANY(%s) ORDER BY name", [wanted])
        missing = [row[0] for row in cursor.fetchall()]
    if missing:
        way = "Through the pooler" if pooled else "On the way to the database somebody drops what we ask for"
        yield Finding(
            "warning", "Time limits", f"{way}, these have none: {', '.join(missing)}.",
            "ALTER ROLE … SET them for the role that serves (docs/operations.md): what hangs would hold others up.",
        )  # fmt: skip
    elif pooled:
        yield Finding("ok", "Time limits", "The role has them; DATABASE_DIRECT_URL is there for what needs a session.")
    else:
        yield Finding("ok", "Time limits", f"Set for each session; {settings.STATEMENT_SECONDS} s for a statement.")


def check_encryption() -> Iterator[Finding]:
    """Whether what goes over a network to the database and to Redis is encrypted."""
    from urllib.parse import urlsplit

    plain = []
    if connection.vendor == "postgresql" and _is_elsewhere(str(connection.settings_dict["HOST"])):
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)")
            if not cursor.fetchone()[0]:
                plain.append("PostgreSQL (add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL)")
    redis = urlsplit(settings.REDIS_URL or "")
    if redis.scheme == "redis" and _is_elsewhere(redis.hostname or ""):
        plain.append("Redis (use rediss:// in REDIS_URL)")
    if plain:
        yield Finding(
            "warning", "Encryption in transit", f"Not encrypted: {', '.join(plain)}.",
            "docs/security.md says how. Leave it only on a network that nobody else can reach.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Encryption in transit", "Everything that leaves this machine is encrypted.")


def _is_elsewhere(host: str) -> bool:
    return bool(host) and not host.startswith("/") and host not in ("localhost", "127.0.0.1", "::1")


def check_clock() -> Iterator[Finding]:
    """Leases live by the clock: the database's and this machine's must agree."""
    if connection.vendor == "sqlite":
        yield Finding(
            "ok", "Clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC; the database has no clock of its own."
        )
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there = cursor.fetchone()[0]
    apart = abs((datetime.now(UTC) - there).total_seconds())
    detail = f"{apart:.2f} s apart from the database's."
    if apart < CLOCK_WARNING:
        yield Finding("ok", "Clock", detail)
    else:
        level: Level = "failed" if apart >= CLOCK_FAILED else "warning"
        yield Finding(level, "Clock", detail, "Let both machines follow a time server (NTP).")


def check_bus() -> Iterator[Finding]:
    """Redis, where there are several processes."""
    if not settings.REDIS_URL:
        yield Finding("ok", "Bus", "None: REDIS_URL is not set. One process does not need it.")
        return
    from redis import Redis
    from redis.exceptions import RedisError

    began = time.monotonic()
    try:
        Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3).ping()
    except RedisError as error:
        yield Finding(
            "warning", "Bus", f"Redis does not answer: {error}",
            "Runs go on; live text comes half a second late and a stop takes up to three. Start Redis, or mend REDIS_URL.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Bus", f"Redis answered in {(time.monotonic() - began) * 1000:.0f} ms.")


def check_workers() -> Iterator[Finding]:
    """Workers that have been heard of lately, and messages that nobody took."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > clock_timestamp() - interval '30 seconds'"
        )
        workers = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        waiting = cursor.fetchone()[0]
    detail = f"{workers} at work; {waiting} messages wait."
    if workers or settings.SERVE_WORKER:
        yield Finding("ok", "Workers", detail)
    else:
        yield Finding(
            "failed", "Workers", f"{detail} The servers do no work themselves (AAP_SERVE_WORKER=0).",
            "Start `python manage.py worker`.",
        )  # fmt: skip


def check_disk() -> Iterator[Finding]:
    """On PostgreSQL the disk here counts only where backups are kept on it."""
    from platform_site.backup.service import default_folder, room_for_backup

    usage = shutil.disk_usage(settings.DATA_DIR)
    detail = f"{usage.free / 1024**3:.1f} GB free of {usage.total / 1024**3:.0f} GB for {settings.DATA_DIR}."
    if not os.access(settings.DATA_DIR, os.W_OK):
        yield Finding("failed", "Disk", f"{settings.DATA_DIR} cannot be written.", "Give it to the user that serves.")
    if not settings.ON_POSTGRES and usage.free < FREE_WARNING:
        level: Level = "failed" if usage.free < FREE_FAILED else "warning"
        yield Finding(level, "Disk", detail, "Make room: with a full disk runs wait and saving answers 507.")
    elif (not settings.ON_POSTGRES or default_folder().is_dir()) and usage.free < (needed := room_for_backup()):
        yield Finding(
            "warning", "Disk", f"{detail} A backup may need {needed / 1024**3:.1f} GB.",
            "Make room, or write backups to another disk: `manage.py backup /elsewhere/today.tar`.",
        )  # fmt: skip
    elif settings.ON_POSTGRES:
        yield Finding("ok", "Disk", f"{detail} What lasts is on PostgreSQL's own, which cannot be seen from here.")
    else:
        yield Finding("ok", "Disk", detail)


def check_client() -> Iterator[Finding]:
    if (settings.CLIENT_BUILD / "index.html").exists():
        yield Finding("ok", "Web client", "Built.")
    else:
        yield Finding(
            "warning", "Web client", f"Not built: {settings.CLIENT_BUILD} has no index.html.", "Run `make client`."
        )


def check_mail(reach: bool) -> Iterator[Finding]:
    """Whether the mail server takes us, and what it did not take."""
    from accounts.mail import mail_server
    from accounts.selectors import mails_in_trouble
    from core.egress.mail import MailNotTaken, try_mail_server

    server = mail_server()
    if server is None:
        yield Finding("ok", "Mail", "Not set up: links are shown to whoever invites, not sent.")
        return
    waiting, given_up = mails_in_trouble()
    left = f" {waiting} wait for another try, {given_up} were given up in the last day." if waiting or given_up else ""
    advice = "Put AAP_MAIL_URL and AAP_MAIL_FROM right, then restart. What waits is sent by itself."
    if not reach:
        yield Finding("ok", "Mail", f"{server.host}:{server.port}; it was not asked.{left}")
        return
    try:
        reached = try_mail_server(server)
    except MailNotTaken as error:
        yield Finding("failed", "Mail", f"{server.host}:{server.port} does not work: {error}{left}", advice)
    else:
        yield Finding("warning" if left else "ok", "Mail", f"{reached}{left}", advice if left else "")


def check_providers(reach: bool) -> Iterator[Finding]:
    from llm_providers.services.checkup import check_providers as checkups

    count = 0
    for one in checkups(reach=reach):
        count += 1
        subject = f"Provider {one.name} ({one.workspace})"
        match one.state:
            case "ok":
                yield Finding("ok", subject, one.detail)
            case "not asked":
                yield Finding("ok", subject, "Its key can be read; it was not asked.")
            case "unread":
                yield Finding(
                    "failed", subject, one.detail,
                    "Put the key it was encrypted with back into AAP_ENCRYPTION_KEYS, or enter the provider's key again.",
                )  # fmt: skip
            case "unreached":
                yield Finding("warning", subject, one.detail, "Test it under Providers once that is put right.")
    if not count:
        yield Finding("warning", "Providers", "None is connected.", "Connect one in the set-up or under Providers.")


def check_runs() -> Iterator[Finding]:
    from agents.selectors.operations import runs_by_status, stuck_runs
    from core.clock import now

    states = runs_by_status()
    shown = ", ".join(f"{states[name]} {name}" for name in ("queued", "running", "waiting"))
    stuck = stuck_runs(since=now() - timedelta(seconds=30))
    if stuck:
        yield Finding(
            "warning", "Runs", f"{stuck} stand still: nobody has carried them on for 30 s ({shown}).",
            "Start the server: it takes them up by itself. If it runs, look for errors in its log.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Runs", f"{shown}; none stands still.")


def check_journal() -> Iterator[Finding]:
    """How large it is, and whether anything makes it smaller."""
    from agents.selectors.operations import events_kept
    from privacy.retention import nothing_is_let_go

    events, for_ever = events_kept(), nothing_is_let_go()
    detail = f"About {events:,} events; runs are {'kept for ever' if for_ever else 'let go of by policy'}."
    if events >= MANY_EVENTS and for_ever:
        yield Finding(
            "warning", "Journal", detail,
            "It goes on growing. Say with AAP_RUN_DAYS, or in the workspaces, for how long runs are kept "
            "(docs/operations.md); `python manage.py prune_runs --dry-run --older-than 365` counts.",
        )  # fmt: skip
    else:
        yield Finding("ok", "Journal", detail)


def check_audit() -> Iterator[Finding]:
    from audit.standing import standing
    from audit.triggers import missing_triggers

    audit, missing = standing(), missing_triggers()
    for text in missing:
        yield Finding("failed", "Audit log", f"{text[0].upper()}{text[1:]}.", "Run `python manage.py audit_verify`.")
    if audit.problem:
        yield Finding(
            "failed", "Audit log", audit.problem, "Start the server or a worker; if one runs, look at its log."
        )
    elif not missing:
        yield Finding("ok", "Audit log", "Every entry is sealed. `python manage.py audit_verify` looks at all of them.")
