"""What may go out of the audit log, how that shows, and that nothing else goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.erasure import erase_subject
from audit.heads import next_head
from audit.models import AuditCut, AuditEntry, AuditSeal, AuditSource
from audit.verify import verify
from core.authz import Actor
from tests import scratch
from tests.fixtures.people import Api
from tests.fixtures.tampering import OPERATOR, Undone, columns, remove, run, seal_all, sealed_chain, told

# What is sealed must be committed: on PostgreSQL nobody seals what a transaction that is still open has written.
pytestmark = pytest.mark.django_db(transaction=bool(scratch.POSTGRES))


def test_g24_an_erased_person_leaves_no_personal_strings_and_a_chain_that_verifies(
    sealed: Api, make_person: Any, workspace: Any, nobody: Api
) -> None:
    from accounts.models import User
    from accounts.sessions import sign_out

    person = make_person(workspace, "builder", email="eve.erased@example.com")
    user, strings = person.person, ("eve.erased", "203.0.113.77", "Eve Erased")
    person.http.defaults["REMOTE_ADDR"] = nobody.http.defaults["REMOTE_ADDR"] = "203.0.113.77"
    assert person.patch("/api/v1/me/", {"name": "Eve Erased"}).status_code == 200
    assert person.patch("", {"name": "N"}).status_code == 403
    assert nobody.post("auth/token/", {"email": user.email, "password": "wrong-password-1"}).status_code == 401
    seal_all()
    assert "203.0.113.77" in everything()
    sign_out(session_id=user.login_sessions.get().pk, ip="203.0.113.77")
    assert erase_subject(OPERATOR, user_id=user.pk) >= 1
    User.objects.filter(pk=user.pk).update(email=f"{user.pk}@erased.invalid", name="")
    seal_all()
    assert not [text for text in strings if text in everything()]
    assert verify().good
    shown = sealed.get(f"audit/?actor={user.pk}").data["results"]
    assert shown and all(row["ip"] is None for row in shown)
    (entry,) = AuditEntry.objects.filter(kind="audit.erase_subject")
    assert (entry.target_type, entry.target_id) == ("user", user.pk)
    # Without the erasure, a missing address is a finding; with it, one of somebody else still is.
    with Undone():
        AuditSource.objects.all().delete()
        assert not verify().good


def test_one_workspaces_verification_looks_at_its_addresses_and_the_triggers(
    sealed: Api, make_person: Any, make_workspace: Any, undone: Any
) -> None:
    """What concerns another workspace is not told; what lets rows go concerns them all."""
    far = make_person(make_workspace("Far"), "owner")
    far.http.defaults["REMOTE_ADDR"] = "198.51.100.44"
    assert far.patch("", {"name": "N"}).status_code == 200
    seal_all()
    mine, theirs = sealed.base.split("/")[-2], far.base.split("/")[-2]
    assert told("--workspace", mine)[0] == told("--workspace", theirs)[0] == 0
    with undone():
        AuditSource.objects.filter(ip="198.51.100.44").update(ip="198.51.100.45")
        assert told("--workspace", mine)[0] == 0
        code, text = told("--workspace", theirs)
        assert code == 1 and "the address that entries came from was changed" in text
        assert far.get("audit/verify/?check=true").data["state"] == "bad"
        assert sealed.get("audit/verify/?check=true").data["checked"]["good"] is True
    with undone():
        AuditSource.objects.filter(ip="198.51.100.44").delete()
        assert told("--workspace", mine)[0] == 0
        assert "its address was removed" in told("--workspace", theirs)[1]
    with undone():
        table = "audit_auditseal"
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {table}_no_update{on}")
        for space in (mine, theirs):
            code, text = told("--workspace", space)
            assert code == 1 and "the trigger audit_auditseal_no_update is missing" in text


def everything() -> str:
    """All that the audit tables hold, as text."""
    texts = []
    for table in ("auditentry", "auditsource", "auditseal", "audittip", "auditcut", "audithead", "opendenial"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM audit_{table}")
            texts += [str(row) for row in cursor.fetchall()]
    return "\n".join(texts)


def test_one_persons_own_erasure_leaves_no_new_address(owner: Api) -> None:
    me = Actor("user", owner.person.id, "", None, ip="203.0.113.9")
    erase_subject(me, user_id=owner.person.id)
    assert not AuditSource.objects.filter(subject=owner.person.id).exists()


def test_a_cut_is_recorded_and_any_other_is_found(sealed: Api, undone: Any, settings: Any) -> None:
    from datetime import timedelta

    from audit import retention
    from core.clock import now

    chain = sealed_chain()
    before = AuditSeal.objects.filter(chain=chain).count()
    keep = AuditEntry.objects.get(pk=AuditSeal.objects.get(chain=chain, number=11).entry_id)
    removed = retention._cut(OPERATOR, chain, keep.at)
    assert removed == 10
    cut = AuditCut.objects.get()
    assert (cut.chain, cut.through, cut.removed) == (chain, 10, 10)
    assert AuditSeal.objects.filter(chain=chain).count() == before - 10
    assert verify().good, verify().first
    seal_all()
    assert AuditEntry.objects.filter(kind="audit.cut", workspace_id=chain).count() == 1
    assert verify().good
    with undone():
        remove("chain = %s AND number < 15", chain)
        found = verify().first
        assert found is not None and (found.number, found.what) == (
            11, "entries 11 to 14 were removed, without a recorded cut",
        )  # fmt: skip
        run("UPDATE audit_auditcut SET through = 14")
        found = verify().first
        assert found is not None and "was not recorded by the product" in " ".join(
            one.what for one in verify().findings
        )
    for column in columns("audit_auditcut"):
        with undone():
            change = f"{column} + 1" if column in ("through", "removed") else f"'x' || substr({column}, 2)"
            assert run(f"UPDATE audit_auditcut SET {column} = {change}") == 1
            assert not verify().good, column
    # By the policy: nothing is that old.
    retention.set_retention(OPERATOR, chain=chain, days=30)
    assert retention.cut_old_entries(OPERATOR) == {}
    assert now() - timedelta(days=30) < keep.at


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditseal", "audit_auditcut", "audit_audithead"])
def test_asvs_16_4_2_the_database_refuses(sealed: Api, table: str) -> None:
    from audit import retention

    next_head()
    keep = AuditEntry.objects.get(pk=AuditSeal.objects.get(chain=sealed_chain(), number=3).entry_id)
    retention._cut(OPERATOR, sealed_chain(), keep.at)
    names = columns(table)
    statements = [f"UPDATE {table} SET {name} = {name}" for name in names]
    statements += [f"DELETE FROM {table}"]
    if connection.vendor == "sqlite":
        statements += [f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"]
        statements += [f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"]
    else:
        statements += [f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE"]
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    before = everything()
    for statement in statements:
        with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert "of the audit log are" in str(refused.value), statement
    assert everything() == before


def test_no_entry_no_change(owner: Api) -> None:
    """A database that takes no entry takes no change either."""
    before = owner.get("").data["name"]
    with Undone():
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON audit_auditentry BEGIN SELECT RAISE(ABORT, 'no more'); END"
                )
            else:
                cursor.execute(
                    "CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RAISE EXCEPTION 'no more'; END $$"
                )
                cursor.execute(
                    "CREATE TRIGGER no_more BEFORE INSERT ON audit_auditentry FOR EACH ROW EXECUTE FUNCTION no_more()"
                )
        with transaction.atomic():
            answer = owner.patch("", {"name": "Unaudited"})
        assert answer.status_code == 500
        assert owner.get("").data["name"] == before
