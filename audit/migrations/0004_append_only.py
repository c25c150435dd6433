"""The database itself refuses to change entries, seals, cuts and heads.

A row of the log may be deleted only when a recorded cut covers it (audit.retention); whether the cut is genuine, its digest
tells. A migration that rebuilds one of these tables on SQLite must put its triggers back.
"""

from django.db import migrations

CHANGED = "rows of the audit log are written once and never changed"
DELETED = "rows of the audit log are deleted by a recorded cut only"
CUT_ENTRY = (
    "SELECT 1 FROM audit_auditseal s JOIN audit_auditcut c ON c.chain = s.chain AND c.through >= s.number "
    "WHERE s.entry_id = OLD.id"
)
CUT_SEAL = "SELECT 1 FROM audit_auditcut c WHERE c.chain = OLD.chain AND c.through >= OLD.number"
TABLES = {
    # table: (when a row may be deleted, what makes a new row replace one that is there)
    "audit_auditentry": (CUT_ENTRY, "id = NEW.id OR rowid = NEW.rowid"),
    "audit_auditseal": (
        CUT_SEAL,
        "id = NEW.id OR entry_id = NEW.entry_id OR (chain = NEW.chain AND number = NEW.number) OR rowid = NEW.rowid",
    ),
    "audit_auditcut": ("", "id = NEW.id OR rowid = NEW.rowid"),
    "audit_audithead": ("", "number = NEW.number"),
}


def sqlite_triggers():
    for table, (may_go, same) in TABLES.items():
        unless = f" WHEN NOT EXISTS ({may_go})" if may_go else ""
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{CHANGED}'); END"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}{unless} BEGIN SELECT RAISE(ABORT, '{DELETED}'); END"
        # INSERT OR REPLACE deletes without asking the trigger for deletions.
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{CHANGED}'); END"
        )


def postgres_triggers():
    for name, text in (("audit_refuse_change", CHANGED), ("audit_refuse_delete", DELETED)):
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for function, table in (("audit_delete_entry", "audit_auditentry"), ("audit_delete_seal", "audit_auditseal")):
        yield (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS ({TABLES[table][0]}) "
            f"THEN RAISE EXCEPTION '{DELETED}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$"
        )
    for table, (may_go, _) in TABLES.items():
        delete = {"audit_auditentry": "audit_delete_entry", "audit_auditseal": "audit_delete_seal"}.get(
            table, "audit_refuse_delete"
        )
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {delete}()"
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_delete()"
        )
    # Not even a session that plays a replica (session_replication_role) goes past them.
    for table in TABLES:
        for what in ("update", "delete", "truncate"):
            yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_{what}"


def put_up(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        # Which transaction wrote a row: nothing is sealed that a transaction still open could come before.
        schema_editor.execute(
            "ALTER TABLE audit_auditentry ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()"
        )
        schema_editor.execute("CREATE INDEX audit_auditentry_xid ON audit_auditentry (xid)")
        statements = postgres_triggers()
    else:
        statements = sqlite_triggers()
    for statement in statements:
        schema_editor.execute(statement, params=None)


def take_down(apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        for what in ("update", "delete", "truncate") if on_postgres else ("update", "delete", "replace"):
            schema_editor.execute(f"DROP TRIGGER {table}_no_{what}" + (f" ON {table}" if on_postgres else ""))
    if on_postgres:
        for name in ("audit_refuse_change", "audit_refuse_delete", "audit_delete_entry", "audit_delete_seal"):
            schema_editor.execute(f"DROP FUNCTION {name}()")
        schema_editor.execute("ALTER TABLE audit_auditentry DROP COLUMN xid")


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_stamp_what_is_there")]
    operations = [
        migrations.RemoveField(model_name="auditentry", name="ip"),
        migrations.RunPython(put_up, take_down),
    ]
