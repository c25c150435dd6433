"""The shape of the source: module sizes, no hubs, every module says why it exists, nothing heavy at start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("core", "jobs", "audit", "accounts", "llm_providers", "agents", "platform_site")
MODULES = sorted(
    path
    for app in APPS
    for path in (ROOT / app).rglob("*.py")
    if "migrations" not in path.parts and "tests" not in path.parts
)
CLIENT = sorted(
    path
    for pattern in ("*.ts", "*.tsx")
    for path in (ROOT / "frontend" / "src").rglob(pattern)
    if ".gen." not in path.name
)
HUBS = {"utils", "helpers", "common", "manager", "managers", "misc", "util", "helper", "shared"}


@pytest.mark.parametrize("path", MODULES + CLIENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_a_hub(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, "split it by noun or verb"
    assert path.stem not in HUBS, "name it after what it holds"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_why_it_exists(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if tree.body and path.name not in ("apps.py", "manage.py"):
        assert ast.get_docstring(tree), "a docstring at the top: why it exists, what it must not know"


FORBIDDEN_CALLS = {"eval", "exec", "compile"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "yaml"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_incident_2_1_nothing_can_run_text_as_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS
        if isinstance(node, ast.Import):
            assert not {name.name.split(".")[0] for name in node.names} & FORBIDDEN_MODULES
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_incident_2_50_no_token_is_read_unverified(path: Path) -> None:
    assert "verify_signature" not in path.read_text()


NETWORK = {"httpx", "httpx2", "requests", "aiohttp", "urllib3", "http.client", "urllib.request", "socket"}
#: manage.py chaos speaks to the server that it has started itself, and a health check to its own, both on loopback.
MAY_CONNECT = ("core/egress/", "llm_providers/adapters/", "platform_site/chaos/", "platform_site/alive.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_incident_2_18_only_the_egress_guard_opens_connections(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith(MAY_CONNECT):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        names = (
            [name.name for name in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not NETWORK & {name for full in names for name in (full, full.split(".")[0])}


def test_no_vendor_sdk_is_imported_at_start() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'platform_site.settings.test'\n"
        "import platform_site.asgi, platform_site.urls, platform_site.api\n"
        "heavy = {'openai', 'anthropic', 'ollama', 'aiohttp', 'genai_prices', 'sentry_sdk', 'fido2', 'qrcode'}\n"
        "heavy |= {'opentelemetry.sdk.trace', 'opentelemetry.exporter.otlp.common', 'google.protobuf'}\n"
        "heavy &= set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip().splitlines()[-1] == "[]"
