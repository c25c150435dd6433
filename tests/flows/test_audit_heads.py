"""Signed heads are handed over on their schedule, in order, and again when a place did not take them."""

from __future__ import annotations

import asyncio
import hmac
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.management import call_command
from prometheus_client import REGISTRY

from audit.export import append_to_file, export_heads, heads_are_due
from audit.heads import verify_heads
from audit.models import AuditHead, SealerState
from audit.s3 import Bucket, authorization, put_object
from audit.sealing import seal_entries
from audit.standing import standing
from tests.fixtures.houses import running
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Place:
    """Somebody who takes heads, or answers what the test says."""

    port: int = 0
    status: int = 200
    taken: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def place() -> Iterator[Place]:
    here = Place()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.taken.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(here.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield here
    server.shutdown()
    server.server_close()
    thread.join(10)


def change(owner: Api, name: str) -> None:
    assert owner.patch("", {"name": name}).status_code == 200
    while seal_entries():
        pass


def due_now() -> None:
    SealerState.objects.update(head_at=None)


def test_heads_go_to_a_file_one_a_line(owner: Api, settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    settings.AUDIT_EXPORT, settings.AUDIT_EXPORT_SECONDS = (f"file:{file}",), 300
    change(owner, "One")
    assert heads_are_due() and asyncio.run(export_heads()) == 1
    assert not heads_are_due() and asyncio.run(export_heads()) == 0
    due_now()
    assert asyncio.run(export_heads()) == 0, "nothing happened since"
    change(owner, "Two")
    due_now()
    assert asyncio.run(export_heads()) == 1
    lines = file.read_text().splitlines()
    first, second = [json.loads(line) for line in lines]
    assert (first["number"], second["number"]) == (1, 2)
    assert second["previous"] == sha256(lines[0].encode()).hexdigest()
    assert verify_heads(lines) == (4, []), "those in the file and those in the database"
    # Killed between the file and the note: the same line is not written twice.
    SealerState.objects.update(exported=1)
    assert asyncio.run(export_heads()) == 1
    assert file.read_text().splitlines() == lines
    file.write_text("cut short by a full di")
    append_to_file(file, lines[1])
    assert file.read_text().splitlines() == ["cut short by a full di", lines[1]]


def test_a_webhook_gets_each_head_signed_and_again_until_it_took_it(owner: Api, settings: Any, place: Place) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = (f"127.0.0.1:{place.port}",)
    settings.AUDIT_EXPORT = (f"http://127.0.0.1:{place.port}/heads",)
    settings.AUDIT_EXPORT_SECONDS, settings.AUDIT_WEBHOOK_SECRET = 300, "told-to-the-receiver"
    change(owner, "One")
    place.status = 503
    assert asyncio.run(export_heads()) == 0
    assert SealerState.objects.get().export_error == "127.0.0.1 answered 503"
    assert not heads_are_due(), "not at once again"
    change(owner, "Two")
    due_now()
    place.status = 200
    place.taken.clear()
    assert asyncio.run(export_heads()) == 2
    assert [headers["aap-audit-head"] for _, _, headers, _ in place.taken] == ["1", "2"]
    for method, path, headers, body in place.taken:
        assert (method, path) == ("POST", "/heads")
        expected = hmac.new(b"told-to-the-receiver", body, sha256).hexdigest()
        assert headers["aap-signature"] == f"sha256={expected}"
    assert SealerState.objects.get().export_error == "" and standing().good
    place.status = 302
    change(owner, "Three")
    due_now()
    assert asyncio.run(export_heads()) == 0, "nobody follows elsewhere"
    SealerState.objects.update(exported_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "cannot be handed over: 127.0.0.1 answered 302" in standing().problem


def test_a_place_on_a_private_network_is_refused_unless_named(owner: Api, settings: Any, place: Place) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ()
    settings.AUDIT_EXPORT = (f"http://127.0.0.1:{place.port}/heads",)
    change(owner, "One")
    assert asyncio.run(export_heads()) == 0
    assert place.taken == [] and "AAP_ALLOWED_PRIVATE_HOSTS" in SealerState.objects.get().export_error
    assert AuditHead.objects.count() == 1, "it waits"


def test_a_bucket_gets_one_object_a_head(owner: Api, settings: Any, place: Place) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = (f"127.0.0.1:{place.port}",)
    settings.AUDIT_EXPORT = (f"s3://kept/audit/heads?endpoint=http://127.0.0.1:{place.port}&region=eu-central-1",)
    settings.AUDIT_S3_KEY_ID, settings.AUDIT_S3_SECRET = "key-id", "not-to-be-seen"
    change(owner, "One")
    assert asyncio.run(export_heads()) == 1
    ((method, path, headers, body),) = place.taken
    assert (method, path) == ("PUT", "/kept/audit/heads/000000000001.json")
    assert headers["host"] == f"127.0.0.1:{place.port}"
    assert headers["x-amz-content-sha256"] == sha256(body).hexdigest()
    assert (
        "Credential=key-id/" in headers["authorization"] and "/eu-central-1/s3/aws4_request" in headers["authorization"]
    )
    assert "not-to-be-seen" not in str(place.taken)
    assert verify_heads([body.decode()])[1] == []


@dataclass
class Storage:
    """S3-compatible storage that somebody else built; it checks signatures."""

    origin: str

    def place(self, bucket: str = "kept") -> str:
        return f"s3://{bucket}/audit/heads?endpoint={self.origin}&region=eu-central-1"

    def get(self, path: str) -> httpx.Response:
        headers = {
            "Host": urlsplit(self.origin).netloc,
            "X-Amz-Content-Sha256": sha256(b"").hexdigest(),
            "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        }
        sent = {**headers, "Authorization": authorization("GET", path, headers, region="eu-central-1")}
        return httpx.get(f"{self.origin}{path}", headers=sent, trust_env=False)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with running("s3.mjs", str(tmp_path_factory.mktemp("s3")), people={}) as origin:
        yield Storage(origin)


@pytest.mark.slow
def test_heads_arrive_in_real_storage_and_a_wrong_secret_is_told_until_it_is_right(
    owner: Api, settings: Any, storage: Storage
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = (storage.origin.removeprefix("http://"),)
    settings.AUDIT_EXPORT, settings.AUDIT_EXPORT_SECONDS = (storage.place(),), 300
    settings.AUDIT_S3_KEY_ID = settings.AUDIT_S3_SECRET = "S3RVER"
    change(owner, "One")
    assert asyncio.run(export_heads()) == 1
    change(owner, "Two")
    due_now()
    settings.AUDIT_S3_SECRET = "not-the-secret"
    before = figure("aap_audit_head_export_failures_total")
    assert asyncio.run(export_heads()) == 0
    assert SealerState.objects.get().export_error == "127.0.0.1 answered 403"
    assert figure("aap_audit_head_export_failures_total") == before + 1
    assert standing().good, "once is no trouble yet"
    assert not heads_are_due(), "not at once again"
    long_ago()
    assert "cannot be handed over: 127.0.0.1 answered 403" in standing().problem
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)
    assert "cannot be handed over: 127.0.0.1 answered 403" in out.getvalue()
    assert "not-the-secret" not in out.getvalue()
    assert storage.get("/kept/audit/heads/000000000002.json").status_code == 403, "the storage does check"
    settings.AUDIT_S3_SECRET = "S3RVER"
    assert storage.get("/kept/audit/heads/000000000002.json").status_code == 404
    settings.AUDIT_EXPORT = (storage.place("nowhere"),)
    assert heads_are_due() and asyncio.run(export_heads()) == 0
    assert SealerState.objects.get().export_error == "127.0.0.1 answered 404"
    settings.AUDIT_EXPORT = (storage.place(),)
    long_ago()
    assert heads_are_due() and asyncio.run(export_heads()) == 1
    assert standing().good and not heads_are_due()
    lines = [storage.get(f"/kept/audit/heads/{number:012}.json").text.strip() for number in (1, 2)]
    assert lines == list(AuditHead.objects.order_by("number").values_list("line", flat=True))
    assert verify_heads(lines)[1] == []


def figure(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def long_ago() -> None:
    SealerState.objects.update(exported_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_requests_are_signed_as_the_vendor_documents_it(settings: Any) -> None:
    """The example of the S3 API reference, "Authenticating Requests (AWS Signature Version 4)", PUT Object."""
    settings.AUDIT_S3_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
    settings.AUDIT_S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    headers = {
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "Host": "examplebucket.s3.amazonaws.com",
        "X-Amz-Content-Sha256": sha256(b"Welcome to Amazon S3.").hexdigest(),
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
    }
    signed = authorization("PUT", "/test%24file.text", headers, region="us-east-1")
    assert signed.endswith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
    bucket = Bucket.of("s3://b")
    assert put_object(bucket, "k", b"", at=datetime.now(UTC))[1] == "https://s3.us-east-1.amazonaws.com/b/k"
