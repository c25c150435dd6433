"""Migrations form one line for each app, and those after the first release neither lock nor cut anybody off."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from core.postgresql.indexes import AddIndexConcurrently
from tests.architecture.migration_lint import faults

OURS = ("accounts", "agents", "audit", "limits", "llm_providers", "privacy")
#: The last migration of each app before the first release: nobody served anything through those.
BEFORE_RELEASE = {"accounts": 12, "agents": 7, "audit": 6, "limits": 1, "llm_providers": 4, "privacy": 3}
#: {(app, name): why it may do what the lint forbids}; all of its faults are excused.
ALLOWED: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def number(name: str) -> int:
    found = re.match(r"(\d{4})_", name)
    assert found, f"{name}: migrations begin with four digits"
    return int(found[1])


@pytest.mark.parametrize("app", OURS)
def test_migrations_form_one_line(loader: MigrationLoader, app: str) -> None:
    names = sorted(name for label, name in loader.disk_migrations if label == app)
    assert [number(name) for name in names] == list(range(1, len(names) + 1)), "one for each number, without a gap"
    for before, name in zip([None, *names], names, strict=False):
        own = [dependency for label, dependency in loader.disk_migrations[app, name].dependencies if label == app]
        assert own == ([before] if before else []), f"{app}.{name} comes after the one before it and no other"
    assert not any(loader.disk_migrations[app, name].replaces for name in names)


def newer(loader: MigrationLoader) -> list[tuple[str, str]]:
    return [
        (app, name)
        for app, name in sorted(loader.disk_migrations)
        if app in OURS and number(name) > BEFORE_RELEASE[app]
    ]


def test_newer_migrations_hold_nobody_up(loader: MigrationLoader) -> None:
    found, excused = [], set()
    for app, name in newer(loader):
        state = loader.project_state((app, name), at_end=False)
        told = list(faults(loader.disk_migrations[app, name], state))
        if told and (app, name) in ALLOWED:
            excused.add((app, name))
        else:
            found += [f"{app}.{name}: {fault}" for fault in told]
    assert not found, "\n".join(found)
    assert excused == set(ALLOWED), "excuses that nobody needs any more"


# --- The lint itself, seen red -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state(loader: MigrationLoader) -> ProjectState:
    return loader.project_state()


def over_all_events(apps: Any, schema_editor: Any) -> None:
    apps.get_model("agents", "RunEvent").objects.update(type="x")


def told(state: ProjectState, *operations: Any, app: str = "agents", atomic: bool = True) -> list[str]:
    migration = migrations.Migration("9999_bad", app)
    migration.operations, migration.atomic = list(operations), atomic
    return list(faults(migration, state))


text = models.CharField(max_length=40)
index = models.Index(fields=["type"], name="by_type")
BAD = {
    "a column that old processes do not fill": migrations.AddField(
        "agent", "colour", models.CharField(max_length=9, default="")
    ),
    "an indexed column of a large table": migrations.AddField(
        "run", "colour", models.CharField(null=True, db_index=True)
    ),
    "an index that locks": migrations.AddIndex("runevent", index),
    "a constraint that locks": migrations.AddConstraint(
        "runevent", models.CheckConstraint(condition=models.Q(seq__gt=0), name="positive")
    ),
    "an index made apart within a transaction": AddIndexConcurrently("runevent", index),
    "a type that is rewritten": migrations.AlterField("runevent", "type", models.TextField()),
    "a column that old processes leave empty": migrations.AlterField("run", "started_at", models.DateTimeField()),
    "a column that is read": migrations.RemoveField("agent", "description"),
    "another name": migrations.RenameField("agent", "description", "about"),
    "a table that is read": migrations.DeleteModel("Interjection"),
    "another name for a table": migrations.RenameModel("Interjection", "Saying"),
    "all rows at once": migrations.RunPython(over_all_events),
    "all rows at once, by hand": migrations.RunSQL("UPDATE agents_runevent SET type = 'x'"),
    "an index by hand": migrations.RunSQL("CREATE INDEX i ON audit_auditentry (kind)"),
    "hidden in another": migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RemoveField("agent", "name")]
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_the_lint_sees(state: ProjectState, what: str) -> None:
    assert len(told(state, BAD[what])) == 1


def test_the_lint_lets_pass_what_is_well(state: ProjectState) -> None:
    made = migrations.CreateModel("Made", [("id", models.BigAutoField(primary_key=True)), ("of", text)])
    assert (
        told(state, made, migrations.AddField("made", "more", text), migrations.AddIndex("made", index.clone())) == []
    )
    assert (
        told(state, migrations.AddField("run", "colour", models.CharField(max_length=9, default="", db_default="")))
        == []
    )
    assert told(state, migrations.AddField("run", "colour", models.CharField(max_length=9, null=True))) == []
    assert told(state, migrations.AddIndex("agent", models.Index(fields=["name"], name="by_name"))) == []
    assert told(state, AddIndexConcurrently("runevent", index), atomic=False) == []
    assert told(state, migrations.AlterField("run", "status", models.CharField(max_length=10, default="queued"))) == []
    assert told(state, migrations.RunSQL("ALTER TABLE agents_runevent SET (fillfactor = 90)")) == []


@pytest.mark.django_db(transaction=True)
def test_an_index_is_made_beside_the_work_and_after_a_death_anew(loader: MigrationLoader) -> None:
    """On PostgreSQL a half-made one is in the way; on SQLite an ordinary one is made."""
    state = loader.project_state()
    after = state.clone()
    operation = AddIndexConcurrently("user", models.Index(fields=["name"], name="half_made"))
    operation.state_forwards("accounts", after)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO accounts_user (id, email, name, is_active, is_staff, created_at, kind, password, "
                           "is_superuser) SELECT g::text, g || '@x', 'same', true, false, now(), 'person', '', false "
                           "FROM generate_series(1, 2) g")  # fmt: skip
            with pytest.raises(Exception, match="could not create unique index"):
                cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY half_made ON accounts_user (name)")
    try:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("accounts", editor, state, after)
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, "accounts_user")["half_made"]
            assert found["columns"] == ["name"] and not found["unique"]
    finally:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("accounts", editor, after, state)
    assert not transaction.get_connection().in_atomic_block
