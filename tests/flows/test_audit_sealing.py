"""The sealer: in the order of commits, one at a time, nothing slips in; and it goes on after any death."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import services  # noqa: F401  # registers the kinds that are used here
from audit.models import AuditEntry, AuditSeal, SealerState
from audit.record import write_entry
from audit.sealing import seal_entries, waiting_seconds
from audit.verify import verify
from core.authz import Actor
from tests import scratch

pytestmark = pytest.mark.django_db(transaction=True)


def write(workspace: Any, **data: Any) -> AuditEntry:
    return write_entry(Actor("system", None, "test", workspace.pk), kind="workspace.update", data=data)


def sealed() -> list[str]:
    return list(AuditSeal.objects.order_by("number").values_list("entry_id", flat=True))


@contextmanager
def on_a_thread(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    def whole() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=whole, daemon=True)
    thread.start()
    yield thread
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.skipif(not scratch.POSTGRES, reason="SQLite has one writer at a time")
def test_an_open_transaction_holds_back_what_came_after_it(workspace: Any) -> None:
    first = write(workspace, n=1)
    assert seal_entries() == 1
    wrote, go = threading.Event(), threading.Event()
    slow: list[str] = []

    def work() -> None:
        with transaction.atomic():
            slow.append(write(workspace, n="slow").pk)
            wrote.set()
            assert go.wait(20)

    with on_a_thread(work):
        assert wrote.wait(20)
        quick = write(workspace, n="quick")
        for _ in range(3):
            seal_entries()
        assert sealed() == [first.pk], "the quick one waits: the slow one may yet come before it"
        assert waiting_seconds() > 0
        go.set()
    while seal_entries():
        pass
    assert sealed() == [first.pk, *slow, quick.pk], "in the order in which their transactions began to write"
    assert verify().good and waiting_seconds() == 0


@pytest.mark.slow
def test_many_sealers_and_writers_at_once_leave_one_dense_chain(workspace: Any) -> None:
    over = threading.Event()

    def seal() -> None:
        while not over.is_set():
            seal_entries(limit=7)

    def produce() -> None:
        for number in range(25):
            write(workspace, n=number)

    with on_a_thread(seal), on_a_thread(seal):
        with on_a_thread(produce), on_a_thread(produce):
            pass
        over.set()
    while seal_entries():
        pass
    assert AuditEntry.objects.count() == 50
    assert list(AuditSeal.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 51))
    report = verify()
    assert report.good and report.entries == 50


def test_what_the_sealer_noted_is_not_needed(workspace: Any) -> None:
    """Another server, a restored backup, rows numbered anew: its notes may be wrong, and everything is sealed."""
    write(workspace, n=1)
    assert seal_entries() == 1
    second = write(workspace, n=2)
    SealerState.objects.update(low=2**40)
    assert waiting_seconds() > 0
    assert seal_entries() == 1
    third = write(workspace, n=3)
    SealerState.objects.all().delete()
    assert seal_entries() == 1
    assert sealed()[1:] == [second.pk, third.pk] and verify().good


def test_a_batch_that_is_cut_off_leaves_nothing_half_done(workspace: Any) -> None:
    for number in range(5):
        write(workspace, n=number)
    with transaction.atomic():
        seal_entries()
        transaction.set_rollback(True)  # as if the process had died
    assert sealed() == []
    assert seal_entries() == 5 and verify().good


def test_data_of_every_shape_is_sealed_and_read_back_alike(workspace: Any) -> None:
    shapes = [
        {"text": "ü😀\u2028\u0001\\\"'", "ü": 1},
        {"numbers": [0, -0.0, 0.1, 1.0, 1e22, 2**53 + 1, -1e-7, 123456789012345678]},
        {"nested": {"b": [{"a": None}], "a": [True, False]}, "empty": [{}, [], ""]},
        {},
    ]
    for shape in shapes:
        write(workspace, **shape)
    assert verify().good, "the product wrote them"
    while seal_entries():
        pass
    assert verify().good
