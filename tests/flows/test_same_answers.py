"""G13: SQLite and PostgreSQL answer alike. One seeded corpus of hostile input goes to every route that takes any, on both.

On PostgreSQL this asks itself again in a process of its own on SQLite, and compares status and body; ids, times and
secrets, which no two runs share, are taken out first.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from tests.architecture.test_matrix import BODIES, CALLS, World, fill, make_ready
from tests.architecture.test_routes import ROUTES

SEED = 13
EACH = 40 if os.environ.get("FULL") else 8
ROOT = Path(__file__).resolve().parents[2]
WRITE_TO = "SAME_ANSWERS_FILE"
VALUES: list[Any] = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "%",
    "_",
    "'; --",
    "\\",
    "İSTANBUL",
    "straße",
    "é",
    "e\u0301",
    "👩‍👩‍👧",
    "\u202egpj",
    "A" * 300,
    "x" * 70_000,
    0,
    -1,
    2**31,
    2**63,
    10**30,
    1.5,
    1e308,
    True,
    None,
    [],
    ["a", None],
    {},
    {"a": {"b": []}},
]
BESIDES: list[Any] = [None, [], "text", 7, {"": 1}, {"name": {"$ne": 1}}, {"__proto__": {}}]
TAKEN_OUT = [
    (re.compile(r"\baap_\w+"), "<token>"),
    (re.compile(r"\b[a-z]{3}_[0-9A-Za-z]{8,}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|\+00:00))?"), "<time>"),
    (re.compile(r"#(?:token|test|code)=[\w-]+"), "<link>"),
    (re.compile(r"\"(?:prefix|challenge|fingerprint|digest|seal|public_key|signature|url)\":\"[^\"]*\""), "<secret>"),
    (re.compile(r"\"request_id\":\"[^\"]*\""), "<request>"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "<hex>"),
]
#: A stream has threads of its own, and the log's verification is all moments and signatures.
LEFT_OUT = ("runs/<str:run_id>/stream/", "audit/verify/")
FILTERS = {
    route: tuple(getattr(getattr(view, "view_class", None) or getattr(view, "cls", None), "filters", ()))
    for route, view in ROUTES
}


def plain(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    for pattern, name in TAKEN_OUT:
        text = pattern.sub(name, text)
    return text[:2_000]


def hostile(valid: Any, chosen: random.Random) -> Any:
    """The valid body with one or two of its values changed; now and then something else."""
    if not isinstance(valid, dict) or not valid or chosen.random() < 0.15:
        return chosen.choice(BESIDES)
    changed = dict(valid)
    for name in chosen.sample(sorted(valid), min(len(valid), chosen.randint(1, 2))):
        changed[name] = chosen.choice(VALUES)
    return changed


def ask(world: World) -> dict[str, list[Any]]:
    """What each route answers to its part of the corpus. Every call is undone."""
    owner, found = world.people["owner"], {}
    for route, method, _ in sorted(CALLS, key=lambda call: call[:2]):
        filters = FILTERS.get(f"api/v1/workspaces/<str:workspace>/{route}", ())
        if route in LEFT_OUT or (method not in ("POST", "PUT", "PATCH") and not filters):
            continue
        chosen = random.Random(f"{SEED} {method} {route}")
        path = world.base + fill(route, world.ids)
        for number in range(EACH):
            with transaction.atomic():
                make_ready(route, world.ids)
                if method == "GET":
                    value = chosen.choice([one for one in VALUES if isinstance(one, str) and one.isprintable()])
                    answer = owner.http.get(
                        path, {chosen.choice(filters): value[:900]}, headers={"Authorization": f"Bearer {owner.token}"}
                    )
                else:
                    body = json.dumps(hostile(fill(BODIES.get((route, method)), world.ids), chosen))
                    answer = owner.call(method, path, body, If_Match="*")
                transaction.set_rollback(True)
            content = b"" if answer.streaming else answer.content
            found[f"{method} {route} {number}"] = [answer.status_code, plain(content)]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_g13_both_databases_answer_alike(make_workspace: Any, make_person: Any, tmp_path: Path) -> None:
    answers = ask(World(make_workspace, make_person))
    assert len(answers) > 200
    assert not [name for name, (status, _) in answers.items() if status >= 500]
    if os.environ.get(WRITE_TO):
        Path(os.environ[WRITE_TO]).write_text(json.dumps(answers))
    if connection.vendor != "postgresql":
        return
    kept = tmp_path / "answers.json"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_DATABASE"))}
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__],
        cwd=ROOT,
        env={**clean, WRITE_TO: str(kept)},
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stdout[-3_000:]
    there = json.loads(kept.read_text())
    assert answers.keys() == there.keys()
    differences = {name: (answers[name], there[name]) for name in answers if answers[name] != there[name]}
    assert not differences, json.dumps(dict(sorted(differences.items())[:5]), indent=1)
