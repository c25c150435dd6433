"""The way to the operator's own collector of traces: beside the guard, as the mail server is.

Its address comes from the operator's environment and never from a person, so it is not judged and may be private. The rest
holds: nothing follows a redirect, nothing reads proxies or credentials from the environment or the home folder.
Blocking; the exporter's thread calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter(
    endpoint: str,
    *,
    headers: Mapping[str, str],
    timeout: float,
    gzip: bool,
    ca_file: str | None,
    certificate_file: str | None,
    key_file: str | None,
) -> SpanExporter:
    """OTLP over HTTP. `timeout` in seconds, for one batch and all its tries."""
    import requests
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    session = requests.Session()
    session.trust_env = False
    return OTLPSpanExporter(
        endpoint=endpoint,
        headers=headers,
        timeout=timeout,
        compression=Compression.Gzip if gzip else Compression.NoCompression,
        certificate_file=ca_file,
        client_certificate_file=certificate_file,
        client_key_file=key_file,
        session=session,
    )
