"""From one version to the next: look whether it can be done, keep a backup, migrate, grant, say so. Safe to repeat.

Every migration is a transaction of its own on both databases, so one that was cut off left nothing; the next attempt goes
on from there. Servers and workers refuse to start on a database that is behind them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from audit.action import Action, action
from platform_site.backup import copying
from platform_site.backup.archive import BadBackup
from platform_site.backup.service import make_backup
from platform_site.commander import commander, os_user

LOCK = 0x61617075  # any number that nobody else uses on this database
PATIENCE = 10 * 60
TRIES = 6
OLDEST_POSTGRES = 140_000

Say = Callable[[str], None]


class CannotUpgrade(Exception):
    """Nothing was changed. The message says why and what to do."""


def waiting_migrations() -> list[str]:
    executor = MigrationExecutor(connections["default"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def upgrade(say: Say, *, app_role: str = "", backup: bool = True) -> None:
    """Bring the database to this version. CannotUpgrade before anything was changed."""
    with _alone(say):
        waiting = waiting_migrations()
        applied = copying.applied_migrations()
        preflight(applied)
        if waiting:
            if applied and backup and _has_people():
                say(f"Backup: {make_backup(on_record=False)}")
            elif applied and not backup:
                say("No backup was made, as asked.")
            say(f"{len(waiting)} migrations: {', '.join(waiting[:4])}{' …' if len(waiting) > 4 else ''}")
            _migrate(say)
            with transaction.atomic():
                record_upgrade(commander("upgrade"), version=settings.VERSION, migrations=len(waiting))
        if app_role:
            grant(app_role)
            say(f"{app_role} may do what the product does, and cannot alter the audit log.")
        say(f"The database is that of version {settings.VERSION}.")


@action("installation.upgrade", requires=None)
def record_upgrade(act: Action, *, version: str, migrations: int) -> None:
    act.record(version=version, migrations=migrations, **os_user())


def preflight(applied: dict[str, list[str]]) -> None:
    """What would make it fail half-way, looked at before it begins."""
    unknown = copying.unknown_migrations(applied)
    if unknown:
        raise CannotUpgrade(
            f"The database is of a newer version than {settings.VERSION}: it has {', '.join(unknown[:3])}. Start that "
            "version, or restore a backup that this one made."
        )
    database: Any = connections["default"]
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            version = int(database.pg_version)
            if version < OLDEST_POSTGRES:
                raise CannotUpgrade("PostgreSQL 14 or newer is needed. Update the server first.")
            cursor.execute("SELECT pg_is_in_recovery(), current_user, current_schema()")
            standby, user, schema = cursor.fetchone()
            if standby:
                raise CannotUpgrade("This is a standby server: it takes no changes. Name the primary in DATABASE_URL.")
            cursor.execute("SELECT has_schema_privilege(%s, 'CREATE')", [schema or "public"])
            if not cursor.fetchone()[0]:
                raise CannotUpgrade(
                    f"The role {user} may not make tables in {schema}. Upgrade as the owner of the tables (docs/audit.md)."
                )
            cursor.execute(
                "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'accounts_%%' "
                "AND NOT pg_has_role(tableowner, 'USAGE')"
            )
            if cursor.fetchone()[0]:
                raise CannotUpgrade(f"The tables are not {user}'s. Upgrade as their owner (docs/audit.md).")


def _migrate(say: Say) -> None:
    """A migration that does not get its lock gives up after five seconds, lest others queue behind it, and tries again."""
    for number in range(TRIES):
        try:
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            return
        except OperationalError as error:
            if number + 1 == TRIES or not _was_busy(error):
                raise
            say("A table is in use; trying again in a moment.")
            connections["default"].close()
            time.sleep(2 * (number + 1))


def _was_busy(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "sqlstate", None) in ("55P03", "40P01") or "database is locked" in str(cause):
            return True
        cause = cause.__cause__
    return False


def _has_people() -> bool:
    """Whether there is anything to lose. By the tables as they are: those of then are not yet what this code asks for."""
    database: Any = connections["default"]
    if not {"accounts_user", "accounts_installation"} <= set(database.introspection.table_names()):
        return False  # a first set-up that was cut off
    with database.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_user LIMIT 1")
        return cursor.fetchone() is not None


@contextmanager
def _alone(say: Say) -> Iterator[None]:
    """One upgrade at a time: others wait for it, and find nothing left to do."""
    database: Any = connections["default"]
    if database.vendor != "postgresql":
        from platform_site.management.commands.serve import describe_holder, take_lock

        lock = take_lock(Path(settings.DATA_DIR))
        if lock is None:
            raise CannotUpgrade(f"The product is running{describe_holder(settings.DATA_DIR)}. Stop it first.")
        try:
            yield
        finally:
            lock.close()
        return
    import psycopg

    params = {
        key: value
        for key, value in connections["direct" if "direct" in connections else "default"]
        .get_connection_params()
        .items()
        if key not in ("cursor_factory", "context")
    }
    # A session of its own holds it: migrations open and close theirs. It ends with this process, however that ends.
    with psycopg.connect(**params, autocommit=True) as session:
        begun, told = time.monotonic(), False
        while not session.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()[0]:  # type: ignore[index]
            if not told:
                say("Another upgrade is under way; waiting for it.")
                told = True
            if time.monotonic() - begun > PATIENCE:
                raise CannotUpgrade("Another upgrade has been under way for ten minutes. Look at it first.")
            time.sleep(1)
        yield


def wait_for_schema(seconds: float) -> bool:
    """Whether the database became that of this version in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if not waiting_migrations():
                return True
        except Exception:
            connections["default"].close()
        if time.monotonic() > deadline:
            return False
        time.sleep(1)


#: As docs/audit.md has them; a test there runs those word for word.
GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE UPDATE, DELETE ON audit_auditentry, audit_auditseal, audit_audithead FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON audit_auditcut FROM {role}",
)


def grant(role: str) -> None:
    """What the product's own role may do (docs/audit.md). As the owner, after each migration."""
    database: Any = connections["default"]
    if database.vendor != "postgresql":
        raise CannotUpgrade("Roles are for PostgreSQL.")
    name = database.ops.quote_name(role)
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            raise CannotUpgrade(f"There is no role {role}. Make it first: CREATE ROLE {name} LOGIN PASSWORD '…'.")
        for statement in GRANTS:
            cursor.execute(statement.format(role=name))


def check(say: Say) -> None:
    """Only the look: CannotUpgrade, or what would be done."""
    preflight(copying.applied_migrations())
    waiting = waiting_migrations()
    say(f"{len(waiting)} migrations wait: {', '.join(waiting)}" if waiting else "Nothing is to be done.")


__all__ = ["BadBackup", "CannotUpgrade", "check", "grant", "upgrade", "wait_for_schema"]
