"""Make a backup, look into one, restore one. What the commands and the upgrade call."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction

from audit.action import Action, action
from audit.sealing import seal_entries
from platform_site.backup import copying
from platform_site.backup.archive import MANIFEST, BadBackup, Manifest, Reader, writing
from platform_site.commander import commander, os_user
from platform_site.keys import as_text

DRAFT = ".restored.sqlite3"
BEFORE = ".before-restore"
#: Bytes that are left free beside a backup, or beside what is restored.
SPARE = 50_000_000


def database_file() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


def default_folder() -> Path:
    return Path(settings.DATA_DIR) / "backups"


def make_backup(target: Path | None = None, *, on_record: bool = True) -> Path:
    """A backup of everything but the keys, while the product goes on; returns its path. BadBackup in words.

    `on_record=False` before an upgrade: the log's tables are not yet those that this code writes to.
    """
    moment = datetime.now(UTC)
    path = target or default_folder() / f"platform-{moment:%Y%m%d-%H%M%S}.tar"
    _need_free_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _need_room(path.parent, room_for_backup(), "a backup", "Make room, or name a file on another disk.")
    applied = copying.applied_migrations()
    if not applied:
        raise BadBackup("There is nothing to keep: the database has no tables yet.")
    if on_record:
        with transaction.atomic():  # the entry is in the copy that it tells of
            record_backup(commander("backup"), file=shown(path.name))
    with writing(path) as writer:
        if settings.ON_POSTGRES:
            with copying.one_moment() as cursor:
                rows = copying.pack_postgres(writer, cursor, copying.kept_tables())
        else:
            copy = writer.scratch / "copy.sqlite3"
            copying.copy_sqlite(database_file(), copy)
            rows = copying.pack_sqlite(writer, copy)
        manifest = Manifest(
            version=settings.VERSION,
            created_at=moment.isoformat(),
            engine="postgresql" if settings.ON_POSTGRES else "sqlite",
            installation=_installation(),
            migrations=applied,
            rows=rows,
            keys=key_marks(),
        )
        writer.plain(MANIFEST, manifest.as_json())
    return path


@action("installation.backup", requires=None)
def record_backup(act: Action, *, file: str) -> None:
    """Somebody with the server's own hands copied everything that is kept."""
    act.record(file=file, **os_user())


@action("installation.restore", requires=None)
def record_restore(act: Action, *, file: str, made_at: str) -> None:
    """The database is as it was then; signed heads outside tell what came after."""
    act.record(file=file, made_at=made_at, **os_user())


@action("installation.copy_keys", requires=None)
def record_keys(act: Action, *, file: str) -> None:
    act.record(file=file, **os_user())


def copy_keys(target: Path | None) -> str:
    """The three keys as lines of a file, written to `target` too. None: whoever asked keeps them, as out of a container."""
    if target:
        _need_free_name(target)
    lines = [f"AAP_SECRET_KEY={settings.SECRET_KEY}"]
    for name, ring in (("AAP_ENCRYPTION_KEYS", settings.ENCRYPTION_KEYS), ("AAP_AUDIT_KEYS", settings.AUDIT_KEYS)):
        lines.append(f"{name}={as_text(ring)}")
    text = "\n".join(lines) + "\n"
    with transaction.atomic():
        record_keys(commander("backup"), file=shown(target.name) if target else "-")
        if target:
            _write_keys(target, text)
    return text


def _write_keys(target: Path, text: str) -> None:
    """All of them, or no file."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _need_free_name(path: Path) -> None:
    """What is there stays, a link that leads nowhere too: it may lead to a disk that is away."""
    if path.is_dir():
        raise BadBackup(f"{path} is a folder. Name a new file in it.")
    if path.exists() or path.is_symlink():
        raise BadBackup(f"{path} is there already. Name another file.")
    if not path.name or str(path) == "-":
        raise BadBackup("A backup is a file, and wants a name.")


def shown(name: str) -> str:
    """A file's name as text that any database takes: it may be of bytes that are none."""
    return os.fsencode(name).decode(errors="replace").replace("\0", "")


def key_marks() -> dict[str, str]:
    """What each key here is known again by. It says nothing about the key, which is random."""
    found = {"AAP_SECRET_KEY": settings.SECRET_KEY.encode()}
    for name, ring in (("AAP_ENCRYPTION_KEYS", settings.ENCRYPTION_KEYS), ("AAP_AUDIT_KEYS", settings.AUDIT_KEYS)):
        found |= {f"{name} {one}": key for one, key in ring.items()}
    return {name: hmac.new(key, b"aap:backup", hashlib.sha256).hexdigest()[:16] for name, key in found.items()}


def _installation() -> str:
    with copying.connection().cursor() as cursor:
        cursor.execute("SELECT name_id FROM accounts_installation")
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def _size_of_database() -> int:
    if not settings.ON_POSTGRES:
        file = database_file()
        return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
    with copying.connection().cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def room_for_backup() -> int:
    """Bytes that a backup may need where it is written; on SQLite a copy and its packed form lie side by side a while."""
    return _size_of_database() * (1 if settings.ON_POSTGRES else 2) + SPARE


def _need_room(folder: Path, needed: int, what: str, advice: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BadBackup(
            f"{folder} has {free // 1_000_000} MB free and {what} may need {needed // 1_000_000} MB. {advice}"
        )


# --- The way back ------------------------------------------------------------------------------------------------------


def open_backup(path: Path, *, other_keys: bool = False) -> Reader:
    """A backup that fits here: undamaged, of this engine, of this version or an older one, made under keys that are here.

    `other_keys`: they are lost, and it is taken without them.
    """
    reader = Reader(path)
    engine = "postgresql" if settings.ON_POSTGRES else "sqlite"
    if reader.manifest.engine != engine:
        raise BadBackup(
            f"{path} is of {reader.manifest.engine}, and this installation uses {engine}. Set DATABASE_URL accordingly."
        )
    unknown = copying.unknown_migrations(reader.manifest.migrations)
    if unknown:
        raise BadBackup(
            f"{path} was made by a newer version ({reader.manifest.version}); this is {settings.VERSION}. "
            f"Restore it with that version. Unknown here: {', '.join(unknown[:3])}."
        )
    here = key_marks()
    lacking = [name for name, mark in reader.manifest.keys.items() if here.get(name) != mark]
    if lacking and not other_keys:
        raise BadBackup(
            f"{path} was made under keys that are not here: {', '.join(lacking)}. Give this installation the ones that "
            "`manage.py backup --keys` kept, then do this again. If they are lost: --other-keys restores it without them. "
            "Then sign-ins, API tokens and second factors are void, vendors' keys have to be entered anew, and the audit "
            "log cannot be verified."
        )
    return reader


def restore(path: Path, *, replace: bool = False, other_keys: bool = False) -> tuple[Manifest, Path | None]:
    """Put everything back as it was and bring the tables up to this version; returns what it was, and where that is what
    was there before. All or nothing on SQLite; on PostgreSQL a database stays behind that has tables and no rows.

    `replace`: on SQLite, what is there is set aside under another name. On PostgreSQL the database must be empty: a new one
    is made with `createdb`, and the old one stays as it is.
    """
    reader = open_backup(path, other_keys=other_keys)
    aside = None
    try:
        if settings.ON_POSTGRES:
            if copying.kept_tables():
                raise BadBackup(
                    "This database has tables already (a restore that was cut off leaves some, too). Make an empty one "
                    "(createdb) and name it in DATABASE_URL: the old one then stays as it is until you are content."
                )
            copying.unpack_postgres(reader)
            _bring_up(reader)
        else:
            aside = _restore_sqlite(reader, replace)
        return reader.manifest, aside
    finally:
        reader.close()


def _bring_up(reader: Reader) -> None:
    """From what was kept to what this version works with."""
    call_command("migrate", verbosity=0, skip_checks=True)
    _let_go_of_runs()
    with transaction.atomic():
        record_restore(commander("restore"), file=shown(reader.path.name), made_at=reader.manifest.created_at)
    while seal_entries():  # what was waiting for its seal then, and this
        pass


def _restore_sqlite(reader: Reader, replace: bool) -> Path | None:
    """In a draft beside it: the old database is the one that counts until the new one is ready."""
    target = database_file()
    if target.is_dir():
        raise BadBackup(f"{target} is a folder, and the database's place. Move it away first.")
    used = target.exists() and _is_used()
    aside = _free_name(target)
    if used and not replace:
        raise BadBackup(f"{target} is there already. With --replace it is set aside as {aside.name}.")
    _need_room(target.parent, 4 * reader.path.stat().st_size + SPARE, "what is restored", "Make room first.")
    draft = target.with_name(DRAFT)
    _remove(draft)  # of one that was cut off
    try:
        copying.unpack_sqlite(reader, draft)
        with _working_on(draft):
            _bring_up(reader)
        if target.exists():
            copying.settle_sqlite(target)
        for ending in copying.BESIDE:  # of a damaged one that could not be settled
            there = target.with_name(target.name + ending)
            if there.exists():
                there.replace(aside.with_name(aside.name + ending))
        if used:
            _keep_as(target, aside)
        draft.replace(target)
    except BaseException:
        _remove(draft)
        raise
    return aside if used else None


def _is_used() -> bool:
    try:
        return bool(copying.applied_migrations())
    except DatabaseError:  # damaged, or of another program: it is somebody's
        return True
    finally:
        connections["default"].close()


def _free_name(target: Path) -> Path:
    """What was set aside before stays, too: the first of several restores may have been the mistake."""
    number = 1
    while (path := target.with_name(f"{target.name}{BEFORE}{f'-{number}' if number > 1 else ''}")).exists():
        number += 1
    return path


def _keep_as(file: Path, name: Path) -> None:
    """Under a second name, where the disk knows such: then there is no moment without a database."""
    try:
        os.link(file, name)
    except OSError:
        file.replace(name)


def _remove(file: Path) -> None:
    for ending in ("", *copying.BESIDE):
        file.with_name(file.name + ending).unlink(missing_ok=True)


@contextmanager
def _working_on(file: Path) -> Iterator[None]:
    """The product's code, with another file as its database. It is whole in itself afterwards."""
    database = connections["default"]
    usual = database.settings_dict["NAME"]
    database.close()
    database.settings_dict["NAME"] = file
    try:
        yield
        database.close()
        copying.settle_sqlite(file)
    finally:
        database.close()
        database.settings_dict["NAME"] = usual


def _let_go_of_runs() -> None:
    """Nobody holds a run now, whoever held it then: they go on as soon as something works here."""
    from agents.runtime.lease import void_leases

    void_leases()
