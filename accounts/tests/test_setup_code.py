"""The code of the first set-up, where there are several servers: whoever gets it knows it, though another printed it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Installation
from accounts.setup import issue_code
from tests.fixtures.people import PASSWORD, Api

pytestmark = pytest.mark.django_db
BODY = {"email": "first@example.com", "password": PASSWORD, "workspace": "North"}


def test_one_server_makes_a_new_code_at_each_start(settings: Any, nobody: Api) -> None:
    settings.REDIS_URL, settings.SERVE_WORKER = "", True
    old, new = issue_code(), issue_code()
    assert old != new
    assert nobody.post("setup/", {**BODY, "code": old}).data["code"] == "wrong_code"
    assert nobody.post("setup/", {**BODY, "code": new}).status_code == 201


@pytest.mark.parametrize("shape", [{"SERVE_WORKER": False}, {"REDIS_URL": "redis://127.0.0.1:1/0"}])
def test_several_servers_print_one_code(settings: Any, nobody: Api, shape: dict[str, Any]) -> None:
    settings.REDIS_URL, settings.SERVE_WORKER = "", True
    for name, value in shape.items():
        setattr(settings, name, value)
    printed = issue_code()
    assert len(printed) == 22, "128 bits"
    settings.SECRET_KEY, key = "another-key-" * 5, settings.SECRET_KEY
    assert issue_code() != printed
    settings.SECRET_KEY = key
    Installation.objects.update(name_id="another1")
    assert issue_code() != printed, "one key, two installations"
    here = issue_code()
    issue_code()  # the other server, or this one after a restart
    assert nobody.post("setup/", {**BODY, "code": printed}).data["code"] == "wrong_code"
    assert nobody.post("setup/", {**BODY, "code": here}).status_code == 201
    assert nobody.post("setup/", {**BODY, "code": here}).data["code"] == "already_set_up"
