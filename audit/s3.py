"""Putting an object into S3-compatible storage: the request, signed with AWS Signature Version 4. Opens no connection."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Bucket:
    """`s3://bucket/prefix?endpoint=https://…&region=…`; the endpoint is that of the vendor of the name without one."""

    name: str
    prefix: str
    endpoint: str
    region: str

    @classmethod
    def of(cls, place: str) -> Bucket:
        parts = urlsplit(place)
        options = dict(parse_qsl(parts.query))
        region = options.get("region", "us-east-1")
        prefix = parts.path.strip("/")
        return cls(
            name=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=options.get("endpoint", f"https://s3.{region}.amazonaws.com").rstrip("/"),
            region=region,
        )


def put_object(bucket: Bucket, key: str, body: bytes, *, at: datetime) -> tuple[str, str, dict[str, str], bytes]:
    """Method, URL, headers and body; the bucket stands in the path, which every S3-compatible server understands."""
    path = quote(f"/{bucket.name}/{key}", safe="/-_.~")
    headers = {
        "Host": urlsplit(bucket.endpoint).netloc,
        "X-Amz-Content-Sha256": sha256(body).hexdigest(),
        "X-Amz-Date": at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"),
    }
    sent = {**headers, "Authorization": authorization("PUT", path, headers, region=bucket.region)}
    return "PUT", f"{bucket.endpoint}{path}", {**sent, "Content-Type": "application/json"}, body


def authorization(method: str, path: str, headers: Mapping[str, str], *, region: str) -> str:
    """The header that proves who sends a request with these headers to this path, which is quoted already."""
    signed = sorted((name.lower(), value.strip()) for name, value in headers.items())
    names = ";".join(name for name, _ in signed)
    moment, payload = headers["X-Amz-Date"], headers["X-Amz-Content-Sha256"]
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
    request = "\n".join([method, path, "", lines, names, payload])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(scope), text.encode(), sha256).hexdigest()
    who = f"Credential={settings.AUDIT_S3_KEY_ID}/{scope}"
    return f"AWS4-HMAC-SHA256 {who},SignedHeaders={names},Signature={signature}"


def _key(scope: str) -> bytes:
    key = f"AWS4{settings.AUDIT_S3_SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key
