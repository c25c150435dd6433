"""Which tests go through nginx (tests/reach.py): each of these is asked about itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from accounts.models import User
from accounts.setup import issue_code
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import Api
from tests.reach import knocks, reasons_to_stay

Request = pytest.FixtureRequest


@pytest.fixture
def _by_a_fixture(settings: Any) -> None:
    settings.RUN_DAYS = 7


def _by_another_function() -> None:
    issue_code()


def test_rows_values_and_doors_go(request: Request, nobody: Api) -> None:
    def unused() -> Any:
        return User.objects.filter(created_at__lt=now())

    assert knocks(request.node) and reasons_to_stay(request.node) == set()


def test_a_client_of_its_own_knocks(request: Request) -> None:
    assert Client is not None
    assert knocks(request.node) and reasons_to_stay(request.node) == set()


def test_who_asks_nothing_does_not_knock(request: Request) -> None:
    assert not knocks(request.node)


@pytest.mark.usefixtures("_by_a_fixture")
def test_settings_stay(request: Request, nobody: Api) -> None:
    assert reasons_to_stay(request.node) == {"changes its own settings"}


def test_settings_by_another_way_stay(request: Request, nobody: Api) -> None:
    with override_settings(RUN_DAYS=7):
        assert reasons_to_stay(request.node) == {"changes its own settings"}


def test_the_products_code_stays(request: Request, nobody: Api) -> None:
    def unused() -> None:
        _by_another_function()

    assert reasons_to_stay(request.node) == {"calls the product's code itself"}


def test_the_products_code_stays_wherever_it_is_imported(request: Request, nobody: Api) -> None:
    def unused() -> Any:
        from agents.runtime import hub

        return hub

    assert reasons_to_stay(request.node) == {"calls the product's code itself"}


def test_a_change_of_the_process_stays(request: Request, nobody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reasons_to_stay(request.node) == {"changes its own process"}


def test_an_address_that_is_made_up_stays(request: Request, nobody: Api) -> None:
    def unused() -> Any:
        return nobody.http.get("/", REMOTE_ADDR="192.0.2.7")

    assert reasons_to_stay(request.node) == {"comes from an address that it makes up"}
