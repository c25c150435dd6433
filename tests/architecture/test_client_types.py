"""The web client's types come from the server's own document, and both are as new as the server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

pytestmark = pytest.mark.one_database

CLIENT = Path(__file__).resolve().parent.parent.parent / "frontend"
AGAIN = "Run `make types` and commit frontend/openapi.json with frontend/src/lib/api/schema.gen.ts."


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """The places at which two documents differ, as JSON pointers."""
    if type(ours) is not type(theirs):
        return [where]
    if isinstance(ours, dict):
        found = []
        for key in sorted({*ours, *theirs}):
            place = f"{where}/{key}"
            found += differences(ours[key], theirs[key], place) if key in ours and key in theirs else [place]
        return found
    return [] if ours == theirs else [where]


def test_the_committed_document_is_what_the_server_says_now() -> None:
    from drf_spectacular.generators import SchemaGenerator

    now = orjson.loads(orjson.dumps(SchemaGenerator(api_version="1").get_schema(request=None, public=True)))
    committed = json.loads((CLIENT / "openapi.json").read_text())
    # The generator names the version it was asked for in one of the two ways of making the document.
    now["info"].pop("version"), committed["info"].pop("version")
    found = differences(now, committed)
    assert not found, f"The document differs at {found[:10]}. {AGAIN}"


def test_the_types_are_made_from_the_committed_document() -> None:
    if not (CLIENT / "node_modules" / "openapi-typescript").is_dir():
        pytest.skip("the web client's packages are not installed (make dev-setup)")
    made = subprocess.run(
        ["npx", "--no-install", "openapi-typescript", "openapi.json", "-o", "src/lib/api/schema.gen.ts", "--check"],
        cwd=CLIENT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, f"{made.stdout}{made.stderr}\n{AGAIN}"
