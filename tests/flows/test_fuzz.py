"""schemathesis over our own OpenAPI document: no 5xx but those of the contract, and every answer matches its schema.

`make test` runs a stated sample: some cases of each operation, half of the operations on SQLite and the others on
PostgreSQL, by SEED. `make test-all` sets FUZZ_EXAMPLES for the full figure (G12), and asks every one on both.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from platform_site.docs_views import schema_bytes
from tests import scratch
from tests.architecture.test_matrix import asked, company, share_with
from tests.fixtures.people import new_agent, new_model, new_person, new_workspace

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
SKIPPED = "/stream/"  # server-sent events: tests/flows/test_stream.py


def is_asked_here(context: Any) -> bool:
    if not os.environ.get("FUZZ_HALVES"):
        return True
    label = f"{os.environ.get('SEED', '7')} {context.operation.label}"
    return zlib.crc32(label.encode()) % 2 == bool(scratch.POSTGRES)


schema = schemathesis.openapi.from_dict(orjson.loads(schema_bytes())).exclude(path_regex=SKIPPED).include(is_asked_here)
schema.app = get_wsgi_application()


def keep_connection() -> None:
    """The WSGI handler closes connections after a request, as in production; the test's transaction needs its own.

    Django's test client connects the signals again after each of its own requests, so this comes right before ours.
    """
    for sent in (request_started, request_finished):
        sent.disconnect(close_old_connections)


@pytest.fixture(scope="module")
def world(module_db: None) -> dict[str, Any]:
    """Real ids, so that half of the cases get past the 404."""
    from accounts.sessions import open_session

    workspace = new_workspace()
    owner = new_person(workspace)
    agent = new_agent(owner, new_model(owner))
    new_person(workspace, "builder")
    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data
    ids = {
        **company(owner, owner),
        "agent_id": agent["id"],
        "run_id": run["id"],
        "conversation_id": run["conversation"],
        "decision_id": asked(run["id"]),
        "provider": owner.get("providers/").data["results"][0]["id"],
        "model": agent["draft"]["model"],
        "session_id": open_session(owner.person, client="api", ip="127.0.0.1").pk,
    }
    share_with(owner, owner, ids)
    return {"token": owner.token, "workspace": owner.base.split("/")[-2], "number": 1, **ids}


@pytest.fixture
def _django_db_helper(module_db: None) -> Iterator[None]:
    """Instead of pytest-django's, which would close the connection, and with it the module's transaction, after a test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.slow
@pytest.mark.django_db
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_is_outside_the_contract(case: Any, world: dict[str, Any]) -> None:
    # By what the case says; what it leaves out is written with an address in memory, which no other process has.
    said = None if isinstance(case.body, NotSet) else case.body
    chance = zlib.crc32(repr((case.path_parameters, case.query, said)).encode("utf-8", "replace"))
    for name in list(case.path_parameters or {}):
        if name in world and chance % 4:
            case.path_parameters[name] = world[name]
    # As the server does (tests/flows/test_wire_limits.py): WSGI could not tell X_A from X-A.
    headers = {name: value for name, value in dict(case.headers or {}).items() if "_" not in name}
    headers.pop("Authorization", None)
    headers["Authorization"] = f"Bearer {world['token']}"
    case.headers = headers
    if case.path.endswith(("/logout/", "/password/")):
        return  # would end the sign-in of the cases that follow
    keep_connection()
    response = case.call()
    if response.status_code in (503, 507):
        return
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
