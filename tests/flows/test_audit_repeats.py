"""Repeats of a denial: none is lost, a flood of them writes little, and nobody alters how many there were. (G23, G24)"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from audit.denials import counts_of
from audit.models import AuditEntry, AuditSeal, OpenDenial
from audit.repeats import Repeats, repeats
from audit.sealing import seal_entries
from audit.verify import verify
from core.clock import now
from tests.fixtures.flushing import triggers_aside
from tests.fixtures.people import Api

# Others see only what is committed, and on PostgreSQL only that is sealed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def viewer(owner: Api, make_person: Any, workspace: Any) -> Api:
    """Somebody who may make no agent."""
    api: Api = make_person(workspace, "viewer")
    return api


def refuse(viewer: Api, times: int = 1) -> None:
    for _ in range(times):
        assert viewer.post("agents/", {"name": "N"}).status_code == 403


def told() -> list[int]:
    """How often each denial came, as the log tells it."""
    return list(counts_of(AuditEntry.objects.filter(outcome="denied", first="").order_by("at")).values())


def tallies() -> list[AuditEntry]:
    return list(AuditEntry.objects.exclude(first="").order_by("at", "pk"))


def run(sql: str, *parameters: Any) -> None:
    with triggers_aside(connection), connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))


def seal_all() -> None:
    while seal_entries():
        pass


def test_g24_an_altered_removed_or_added_repeat_is_found_and_located(owner: Api, viewer: Api) -> None:
    refuse(viewer, 4)
    for sealed in (False, True):
        if sealed:
            seal_all()
        assert verify().good and told() == [4]
        for tally in tallies():
            seal = AuditSeal.objects.filter(entry_id=tally.pk).first()
            assert (seal is not None) is sealed
            number = seal.number if seal else 0
            for column, wrong in (("count", 9), ("count", 0), ("first", ""), ("first", tallies()[0].pk)):
                right = getattr(tally, column)
                run(f"UPDATE audit_auditentry SET {column} = %s WHERE id = %s", wrong, tally.pk)
                found = verify().first
                assert found is not None and (found.number, found.entry) == (number, tally.pk), (column, wrong)
                run(f"UPDATE audit_auditentry SET {column} = %s WHERE id = %s", right, tally.pk)
                assert verify().good
    # One more than there was, sealed or not.
    names = [
        column.name
        for column in connection.introspection.get_table_description(connection.cursor(), "audit_auditentry")
    ]
    rest = ", ".join(name for name in names if name not in ("id", "xid"))
    last = tallies()[-1]
    run(
        f"INSERT INTO audit_auditentry (id, {rest}) SELECT 'aud_added', {rest} FROM audit_auditentry WHERE id = %s",
        last.pk,
    )
    assert [one.entry for one in verify().findings] == ["aud_added"]
    seal_all()
    found = verify().first
    assert found is not None and found.entry == "aud_added" and found.number > 0
    run("DELETE FROM audit_auditentry WHERE id = 'aud_added'")
    # One fewer: without its seal or with it.
    place = AuditSeal.objects.get(entry_id=tallies()[1].pk)
    run("DELETE FROM audit_auditentry WHERE id = %s", place.entry_id)
    found = verify().first
    assert found is not None and (found.number, found.entry, found.what) == (
        place.number,
        place.entry_id,
        "the entry was removed",
    )
    run("DELETE FROM audit_auditseal WHERE id = %s", place.pk)
    found = verify().first
    assert found is not None and found.number == place.number and "removed, without a recorded cut" in found.what


def test_g24_the_note_of_which_entry_repeats_belong_to_is_believed_in_nothing(owner: Api, viewer: Api) -> None:
    """It may be altered by whoever can write to the database: then the count is of two entries, and still right."""
    assert viewer.patch("", {"name": "N"}).status_code == 403
    other = AuditEntry.objects.get(outcome="denied")
    refuse(viewer, 2)
    assert told() == [1, 2]
    mine = OpenDenial.objects.exclude(entry_id=other.pk)
    for number, change in enumerate(
        (
            lambda: mine.update(entry_id=other.pk),
            lambda: OpenDenial.objects.all().update(entry_id="aud_none"),
            lambda: OpenDenial.objects.all().delete(),
            lambda: OpenDenial.objects.all().update(entry_id=tallies()[0].pk),
        )
    ):
        assert change()
        refuse(viewer, 2)
        assert told() == [1, 2] + [2] * (number + 1)
    seal_all()
    assert verify().good


def test_g23_denials_at_the_same_moment_are_one_entry_and_lose_none(owner: Api, viewer: Api) -> None:
    at_once(viewer, threads=4, each=6)
    assert told() == [24] and len(tallies()) == 23
    seal_all()
    assert verify().good


def at_once(viewer: Api, *, threads: int, each: int) -> None:
    gate = threading.Barrier(threads)

    def hammer(number: int) -> None:
        try:
            api = Api(viewer.token, viewer.base)
            gate.wait(20)
            refuse(api, each)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hammer, range(threads)))


@pytest.fixture
def counting() -> Iterator[Repeats]:
    """As in a process that serves."""
    repeats.start()
    try:
        yield repeats
    finally:
        repeats.close()


def test_g23_a_flood_writes_one_tally_a_second_and_loses_none(owner: Api, viewer: Api, counting: Repeats) -> None:
    began = time.monotonic()
    at_once(viewer, threads=4, each=50)
    took = time.monotonic() - began
    assert told() == [200], "those that wait in memory are told, too"
    assert owner.get("audit/?outcome=denied").data["results"][0]["count"] == 200
    counting.close()
    # Four may come together before the process knows the entry; one that came alone is written at once.
    assert told() == [200] and len(tallies()) <= 5 + took, [row.count for row in tallies()]
    seal_all()
    assert verify().good


def test_a_repeat_that_comes_alone_is_on_disk_before_its_answer(viewer: Api, counting: Repeats) -> None:
    refuse(viewer, 2)
    assert [row.count for row in tallies()] == [1]
    refuse(viewer, 3)
    deadline = time.monotonic() + 20
    while sum(row.count for row in tallies()) < 4:
        assert time.monotonic() < deadline, "nobody wrote what was counted"
        time.sleep(0.05)
    assert told() == [5]


def test_what_cannot_be_written_now_is_counted_on(viewer: Api, counting: Repeats) -> None:
    """A database that is away for a moment: the table is gone, then there again."""
    refuse(viewer, 5)
    assert told() == [5]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry RENAME TO away")
    try:
        counting._write(0)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO audit_auditentry")
    assert told() == [5]
    counting.close()
    assert told() == [5] and sum(row.count for row in tallies()) == 4


def test_a_new_minute_is_a_new_entry(viewer: Api, counting: Repeats) -> None:
    refuse(viewer, 3)
    counting.close()
    counting.start()
    first = AuditEntry.objects.get(outcome="denied", first="")
    # Its minute began earlier: the entry itself says when.
    run("UPDATE audit_auditentry SET at = %s WHERE id = %s", now() - timedelta(seconds=61), first.pk)
    with counting._lock:
        counting._open.clear()
    refuse(viewer, 2)
    assert told() == [3, 2]
