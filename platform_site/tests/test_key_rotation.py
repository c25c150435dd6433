"""Keys are rotated while the product works: nothing fails to be read, and old keys go when no value needs them (G20)."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core import cipher
from llm_providers.models import ProviderCredential
from platform_site.env import BadEnvironment
from platform_site.keys import KeyRing
from tests.fixtures.people import Api
from tests.fixtures.product import ROOT, Product, Refused
from tests.fixtures.vendor import Vendor

KEY = "sk-right-key-of-this-vendor"


@pytest.fixture
def ring(settings: Any, tmp_path: Path) -> KeyRing:
    settings.ENCRYPTION_KEYS = KeyRing("AAP_TEST_KEYS", kept=tmp_path / "keys" / "encryption_keys", first="k1")
    settings.ENCRYPTION_KEYS.LOOK_SECONDS = 0.0
    settings.ALLOWED_PRIVATE_HOSTS = ("127.0.0.1:9",)
    return settings.ENCRYPTION_KEYS  # type: ignore[no-any-return]


def connect(owner: Api, name: str) -> ProviderCredential:
    body = {"kind": "openai_compatible", "name": name, "base_url": "http://127.0.0.1:9/v1", "api_key": KEY}
    made = owner.post("providers/", body)
    assert made.status_code == 201, made.content
    return ProviderCredential.objects.get(provider_id=made.data["id"])


def plain(row: ProviderCredential) -> str:
    row.refresh_from_db()
    return cipher.open_sealed(row.secret, model="ProviderCredential", field="secret", row=str(row.pk))


def test_every_value_is_sealed_anew_and_old_keys_go(ring: KeyRing, owner: Api) -> None:
    rows = [connect(owner, f"Number {number}") for number in range(3)]
    assert {cipher.key_of(row.secret) for row in rows} == {"k1"}
    call_command("rotate_keys", "--add")
    assert [plain(row) for row in rows] == [KEY] * 3
    assert {cipher.key_of(row.secret) for row in rows} == {"k2"}
    assert list(ring) == ["k2", "k1"], "the old key stays until it is dropped"
    call_command("rotate_keys", "--drop-old")
    assert list(ring) == ["k2"]
    assert [plain(row) for row in rows] == [KEY] * 3


def test_a_key_that_is_needed_is_not_dropped(ring: KeyRing, owner: Api, capsys: Any) -> None:
    row = connect(owner, "Damaged")
    ProviderCredential.objects.filter(pk=row.pk).update(secret=row.secret[:-8] + "AAAAAAA=")
    with pytest.raises(SystemExit):
        call_command("rotate_keys", "--add", "--drop-old")
    said = capsys.readouterr().out
    assert f"llm_providers.ProviderCredential.secret of {row.pk}" in said
    assert KEY not in said
    assert list(ring) == ["k2", "k1"]


def test_what_somebody_writes_meanwhile_wins(ring: KeyRing, owner: Api) -> None:
    from platform_site import rotation

    row = connect(owner, "Busy")
    ring.add_first()
    column = next(one for one in cipher.sealed_columns() if one.model == "llm_providers.ProviderCredential")
    newer = cipher.seal("sk-newer", model="ProviderCredential", field="secret", row=str(row.pk))
    bound = column.bound_to

    def written_in_between(found: Any) -> tuple[str, str, str]:
        ProviderCredential.objects.filter(pk=row.pk).update(secret=newer)
        return bound(found)

    racing = cipher.SealedColumn(column.model, column.field, written_in_between)
    assert rotation._reseal(racing, row.pk) == 0
    assert plain(row) == "sk-newer"


def test_a_process_meets_a_key_that_another_has_made(tmp_path: Path) -> None:
    kept = tmp_path / "keys" / "encryption_keys"
    mine, other = (KeyRing("AAP_TEST_KEYS", kept=kept, first="k1") for _ in range(2))
    assert dict(mine) == dict(other)
    assert other.add_first() == "k2"
    assert mine["k2"] == other["k2"], "an unknown key is looked for at once"
    assert list(mine) == ["k2", "k1"]
    assert kept.stat().st_mode & 0o777 == 0o600


def test_whoever_may_read_the_file_may_read_the_changed_one(ring: KeyRing, owner: Api) -> None:
    """Servers that run as another user than the command would find no keys at their next start."""
    assert ring.file is not None
    ring.file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(ring.file, 10001, 10001)
    before = ring.file.stat()
    call_command("rotate_keys", "--add")
    after = ring.file.stat()
    assert list(ring) == ["k2", "k1"]
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_damaged_file_leaves_the_keys_of_before(tmp_path: Path) -> None:
    kept = tmp_path / "keys" / "encryption_keys"
    ring = KeyRing("AAP_TEST_KEYS", kept=kept, first="k1")
    ring.LOOK_SECONDS = 0.0
    kept.write_text("k9:nonsense")
    assert list(ring) == ["k1"]


def test_keys_of_the_environment_are_the_operators_to_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AAP_TEST_KEYS", "k1:" + base64.b64encode(os.urandom(32)).decode())
    ring = KeyRing("AAP_TEST_KEYS", kept=tmp_path / "keys" / "k", first="k1")
    assert ring.file is None
    with pytest.raises(BadEnvironment, match="Put a new key first in it, start all processes anew"):
        ring.add_first()


def test_keys_come_from_a_program_of_the_operators(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("AAP_TEST_KEYS_COMMAND", f"printf %s k7:{key}")
    ring = KeyRing("AAP_TEST_KEYS", kept=tmp_path / "keys" / "k", first="k1")
    assert {name: base64.b64encode(value).decode() for name, value in ring.items()} == {"k7": key}
    for wrong in ("false", "/no/such/program", "true"):
        monkeypatch.setenv("AAP_TEST_KEYS_COMMAND", wrong)
        with pytest.raises(BadEnvironment, match="AAP_TEST_KEYS_COMMAND"):
            KeyRing("AAP_TEST_KEYS", kept=tmp_path / "keys" / "k", first="k1")


# --- Under load --------------------------------------------------------------------------------------------------------


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as one:
        yield one


@pytest.mark.slow
@pytest.mark.one_database
def test_g20_keys_are_rotated_three_times_under_load(tmp_path: Path, vendor: Vendor) -> None:
    environment = {"AAP_RATE_LIMITS": "off", "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}"}
    product = Product(data=tmp_path / "data", environment=environment)
    try:
        product.start().set_up()
        rotate(product, vendor)
    finally:
        product.stop()


def rotate(product: Product, vendor: Vendor) -> None:
    body = {"kind": "openai_compatible", "base_url": f"http://127.0.0.1:{vendor.port}/v1", "api_key": vendor.key}
    providers = [product.call("POST", "providers/", {**body, "name": f"P{number}"})["id"] for number in range(4)]
    done, failed = threading.Event(), []
    reads = [0] * 4

    def use(number: int) -> None:
        """Each read opens the stored key, and the vendor refuses a wrong one; now and then it is written anew."""
        while not done.is_set():
            try:
                answer = product.call("POST", f"providers/{providers[number]}/test/", {})
                if not answer["ok"]:
                    failed.append(answer)
                if reads[number] % 7 == 3:
                    change = {"api_key": vendor.key}
                    product.call("PATCH", f"providers/{providers[number]}/", change, {"If-Match": "*"})
            except Refused as refused:
                failed.append(refused)
            reads[number] += 1

    users = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for user in users:
        user.start()
    try:
        for _ in range(3):
            told = manage(product, "rotate_keys", "--add", "--drop-old")
            assert told.returncode == 0, told.stdout + told.stderr
    finally:
        done.set()
        for user in users:
            user.join(30)
    assert not failed, failed[:3]
    assert min(reads) > 20, reads
    kept = (product.data / "keys" / "encryption_keys").read_text()
    assert kept.startswith("k4:")
    told = manage(product, "rotate_keys", "--drop-old")
    assert told.returncode == 0
    assert (product.data / "keys" / "encryption_keys").read_text().count(":") == 1
    assert all(product.call("POST", f"providers/{one}/test/", {})["ok"] for one in providers)


def manage(product: Product, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(
        command, cwd=ROOT, env=product.whole_environment(), capture_output=True, text=True, timeout=90
    )
