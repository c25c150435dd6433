"""The audit log is sealed, and whatever is done to it afterwards is found and located. (G24)

The tests write to the database as somebody who owns it can: with its triggers set aside.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.heads import next_head, signed_head
from audit.models import AuditHead, AuditSeal, AuditTip
from audit.verify import verify
from tests import scratch
from tests.fixtures.flushing import triggers_aside
from tests.fixtures.people import Api
from tests.fixtures.tampering import columns, remove, run, seal_all, sealed_chain, told

# What is sealed must be committed: on PostgreSQL nobody seals what a transaction that is still open has written.
pytestmark = pytest.mark.django_db(transaction=bool(scratch.POSTGRES))

SAMPLE = 4


CHANGES = {
    # column: what it is changed to, in SQL; of others the first letter
    "workspace_id": "NULL",
    "at": {"sqlite": "datetime(at, '+1 second')", "postgresql": "at + interval '1 microsecond'"},
    "count": "count + 1",
    "number": "number + 1000",
    "data": {"sqlite": "replace(data, '{', '{ ')", "postgresql": "data || '{\"more\": 1}'"},
}


@pytest.mark.slow
def test_g24_every_changed_column_of_an_entry_or_seal_is_found_and_located(sealed: Api, undone: Any) -> None:
    dice = random.Random(20261128)
    entries = list(AuditSeal.objects.order_by("chain", "number").values_list("entry_id", "chain", "number"))
    for table, key, left_out in (
        ("audit_auditentry", "id", {"xid"}),  # not of the log: it says how the database came to it
        ("audit_auditseal", "entry_id", set()),
    ):
        for column in columns(table):
            if column in left_out:
                continue
            change: Any = CHANGES.get(column, f"'x' || substr({column}, 2)")
            if table == "audit_auditseal" and column == "at":
                change = "'x' || substr(at, 2)"
            if isinstance(change, dict):
                change = change[connection.vendor]
            for entry, chain, number in dice.sample(entries, SAMPLE):
                with undone():
                    where = f"UPDATE {table} SET {column} = {change} WHERE {key} = %s"
                    if column == "workspace_id" and chain == "installation":
                        continue  # it is NULL there already
                    assert run(where, entry) == 1
                    code, said = told()
                    assert code == 1, (table, column, said)
                    first = next(line for line in said.splitlines() if line.startswith("First bad entry: "))
                    assert f"number {number} of" in first, (table, column, said)
                    moved = (table, column) == ("audit_auditentry", "id") or column in ("entry_id", "chain", "number")
                    if not moved:  # else its place is empty, and that is what is told
                        assert entry in first, (table, column, said)
    assert verify().good


def test_g24_every_flipped_bit_of_a_digest_is_found(sealed: Api, undone: Any) -> None:
    seal = AuditSeal.objects.exclude(chain="installation").order_by("number")[7]
    for place in range(0, 64, 9):
        digit = int(seal.digest[place], 16)
        for bit in (1, 2, 4, 8):
            wrong = f"{seal.digest[:place]}{digit ^ bit:x}{seal.digest[place + 1 :]}"
            with undone():
                run("UPDATE audit_auditseal SET digest = %s WHERE id = %s", wrong, seal.pk)
                report = verify()
                assert report.first is not None and report.first.entry == seal.entry_id


def test_g24_deleted_inserted_and_reordered_entries_are_found(sealed: Api, undone: Any) -> None:
    seals = list(AuditSeal.objects.exclude(chain="installation").order_by("number"))
    chain, middle, last = seals[0].chain, seals[len(seals) // 2], seals[-1]
    first_of_all = seals[0]

    def first() -> Any:
        found = verify().first
        assert found is not None
        return found.number, found.entry

    for gone in (first_of_all, middle, last):
        with undone():
            run("DELETE FROM audit_auditentry WHERE id = %s", gone.entry_id)
            assert first() == (gone.number, gone.entry_id)
            run("DELETE FROM audit_auditseal WHERE id = %s", gone.pk)
            assert first() == (gone.number, "")
    with undone():  # the seals of two neighbours change places
        other = seals[middle.number]
        run("UPDATE audit_auditseal SET entry_id = 'away' WHERE id = %s", middle.pk)
        run("UPDATE audit_auditseal SET entry_id = %s WHERE id = %s", middle.entry_id, other.pk)
        run("UPDATE audit_auditseal SET entry_id = %s WHERE id = %s", other.entry_id, middle.pk)
        assert first()[0] == middle.number
    with undone():  # a seal without its key
        run(
            "INSERT INTO audit_auditseal (id, chain, number, entry_id, at, key, digest) "
            "SELECT %s, chain, %s, 'aud_forged', at, key, digest FROM audit_auditseal WHERE id = %s",
            f"{chain}#{last.number + 1}", last.number + 1, last.pk,
        )  # fmt: skip
        assert first()[0] == last.number + 1
    # A copy under a new id, left for the sealer to seal.
    names = ", ".join(name for name in columns("audit_auditentry") if name not in ("id", "xid"))
    values = names.replace("request_id", "'forged-request'")
    forge = (
        f"INSERT INTO audit_auditentry (id, {names}) SELECT 'aud_forged', {values} FROM audit_auditentry WHERE id = %s"
    )
    run(forge, middle.entry_id)
    assert verify().findings[0].entry == "aud_forged"
    seal_all()
    assert first() == (last.number + 1, "aud_forged")


def test_g24_a_cut_tail_is_found_by_the_noted_end_and_by_heads_kept_outside(
    sealed: Api, undone: Any, tmp_path: Path
) -> None:
    file = tmp_path / "heads.jsonl"
    early = {tip.chain: tip for tip in AuditTip.objects.all()}
    file.write_text(signed_head() + "\n")
    assert told("--heads", str(file)) == (0, told("--heads", str(file))[1])
    for number in range(5):
        assert sealed.patch("", {"name": f"Later{number}"}).status_code == 200
    seal_all()
    with file.open("a") as heads:
        heads.write(signed_head() + "\n")
    chain = sealed_chain()
    start, end = early[chain].number + 1, AuditTip.objects.get(pk=chain).number
    assert end == start + 4
    assert told("--heads", str(file))[0] == 0
    head = json.loads(file.read_text().splitlines()[0])
    head["chains"][chain]["number"] -= 1
    forged = tmp_path / "forged.jsonl"
    forged.write_text(json.dumps(head) + "\n\nnonsense\n[]\n{}\n")
    code, said = told("--heads", str(forged))
    assert code == 1 and said.count("is no head that this installation signed") >= 3
    with pytest.raises(CommandError):
        call_command("audit_verify", "--heads", str(tmp_path / "nothing"))
    remove("chain = %s AND number >= %s", chain, start)
    code, said = told()
    assert code == 1 and f"number {start} of the chain of workspace {chain}" in said
    assert f"entries {start} to {end} were removed from the end" in said
    # Who also sets the noted end back to one that was genuine then is found by the head that was carried away.
    tip = early[chain]
    run("UPDATE audit_audittip SET number = %s, digest = %s, key = %s, proof = %s WHERE chain = %s",
        tip.number, tip.digest, tip.key, tip.proof, chain)  # fmt: skip
    assert told()[0] == 0
    code, said = told("--heads", str(file))
    assert code == 1 and f"entries {start} to {end} were removed: line 2 of the file knows of them" in said
    # The sealer does not paper over it: its new numbers carry other digests.
    assert sealed.patch("", {"name": "New"}).status_code == 200
    seal_all()
    assert told("--heads", str(file))[0] == 1


def test_the_noted_end_and_heads_in_the_database_cannot_be_changed_unseen(sealed: Api, undone: Any) -> None:
    next_head()
    assert next_head() is None, "nothing happened since"
    for sql in (
        "UPDATE audit_audittip SET number = number - 1",
        "UPDATE audit_audittip SET proof = 'x'",
        "DELETE FROM audit_audittip",
        "UPDATE audit_audithead SET line = replace(line, 'number', 'Number')",
        "UPDATE audit_auditsource SET ip = '10.1.2.3'",
        "UPDATE audit_auditsource SET subject = 'x'",
        "DELETE FROM audit_auditsource",
    ):
        with undone():
            assert run(sql) > 0
            assert told()[0] == 1, sql
    assert AuditHead.objects.count() == 1
    with triggers_aside(connection):
        assert "is missing: the database would let rows go" in told()[1]


def test_g27_a_workspace_is_told_of_its_own_addresses_only(sealed: Api, workspace: Any, make_workspace: Any) -> None:
    south = make_workspace("South")
    for sql in ("UPDATE audit_auditsource SET ip = '10.1.2.3'", "DELETE FROM audit_auditsource"):
        assert run(sql) > 0
        assert (verify(workspace=workspace.pk).good, verify(workspace=south.pk).good) == (False, True), sql


def test_g27_a_workspace_is_told_of_its_own_entries_without_a_seal_only(
    sealed: Api, workspace: Any, make_workspace: Any
) -> None:
    south = make_workspace("South")
    assert verify(workspace=workspace.pk).good
    assert sealed.patch("", {"name": "Nobody seals this"}).status_code == 200
    assert run("UPDATE audit_auditentry SET data = %s WHERE kind = 'workspace.update'", '{"fields": ["forged"]}') > 0
    found = [one for one in verify(workspace=workspace.pk).findings if "not sealed yet" in one.what]
    assert found and {one.chain for one in found} == {workspace.pk}
    assert verify(workspace=south.pk).good


def test_a_chain_whose_end_was_removed_shows_it_for_ever(sealed: Api) -> None:
    run("DELETE FROM audit_audittip")
    assert sealed.patch("", {"name": "After"}).status_code == 200
    seal_all()
    (found,) = [one for one in verify().findings if one.chain != "installation"]
    assert "without a recorded cut" in found.what


def test_a_key_that_is_gone_is_told_and_a_new_one_goes_on(sealed: Api, settings: Any) -> None:
    old = dict(settings.AUDIT_KEYS)
    settings.AUDIT_KEYS = {"a2": b"2" * 32, **old}
    assert sealed.patch("", {"name": "By a new key"}).status_code == 200
    seal_all()
    assert verify().good
    assert set(AuditSeal.objects.values_list("key", flat=True)) == {"a1", "a2"}
    settings.AUDIT_KEYS = {"a2": b"2" * 32}
    found = verify().first
    assert found is not None and "'a1', which AAP_AUDIT_KEYS does not hold" in found.what
