"""Spans by the OpenTelemetry SDK, when the operator names a collector. Imported only then: it costs time and memory.

The tracer is this module's own and not the process's: libraries that would trace by themselves (a vendor's does) find none.
Handing spans over is a thread's work; when the collector does not keep up they are dropped, and nobody waits for it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

import orjson
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter

from core.egress.collector import span_exporter
from core.request_context import current_facts, current_request_id
from core.tracing import Facts, Kind, Span, trace_with
from platform_site.logs import masked
from platform_site.trace_settings import ToProviders, TraceSettings

log = logging.getLogger("platform.traces")

CONVENTIONS = "1.41.0"
SCHEMA = f"https://opentelemetry.io/schemas/{CONVENTIONS}"
FLUSH_SECONDS = 3.0
MAX_TEXT = 64 * 1024
_NAMES = {"run": "aap.run.id", "step": "aap.step", "workspace": "aap.workspace.id", "user": "user.id"}
_KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
SPANS = Counter("aap_trace_spans_total", "Spans by what became of them: ended, sent, lost.", ["outcome"])
_ENDED = SPANS.labels("ended")


def ids_of_run(run: str) -> tuple[int, int]:
    """(trace id, id of the root span): from the digest of the run's id, so that any process and any person can tell them.

    Not the id's own digits: their beginning is a time, and samplers need chance in all of them.
    """
    digest = sha256(run.encode()).digest()
    return int.from_bytes(digest[:16], "big") or 1, int.from_bytes(digest[16:24], "big") or 1


class OtelSpan:
    """core.tracing.Span, by the SDK's."""

    __slots__ = ("inner",)

    def __init__(self, span: SdkSpan) -> None:
        self.inner = span

    @property
    def trace_id(self) -> str:
        return format_trace_id(self.inner.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        return format_span_id(self.inner.get_span_context().span_id)

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.inner.get_span_context().trace_flags:02x}"

    def note(self, facts: Facts) -> None:
        if self.inner.is_recording():
            told = {name: _attribute(name, value) for name, value in facts.items() if value is not None}
            self.inner.set_attributes(told)

    def rename(self, name: str) -> None:
        self.inner.update_name(name)

    def link(self, other: Span) -> None:
        if isinstance(other, OtelSpan):
            self.inner.add_link(other.inner.get_span_context())

    def fail(self, error: str) -> None:
        self.inner.set_attribute("error.type", error)
        self.inner.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        facts = {_NAMES[name]: value for name, value in current_facts().items() if name in _NAMES}
        self.note({"aap.request.id": current_request_id() or None, **facts})
        self.inner.end()


class OtelTracer:
    """core.tracing.Tracer, by the SDK's."""

    def __init__(
        self, provider: TracerProvider, *, version: str, with_content: bool, to_providers: ToProviders
    ) -> None:
        self._tracer = provider.get_tracer("agent-platform", version, schema_url=SCHEMA)
        self._sampler = provider.sampler
        self.with_content, self.to_providers = with_content, to_providers

    def begin(self, name: str, kind: Kind, facts: Facts, parent: Span | str | None) -> Span:
        context = Context()
        if isinstance(parent, OtelSpan):
            context = set_span_in_context(parent.inner, context)
        elif isinstance(parent, str):
            context = TraceContextTextMapPropagator().extract({"traceparent": parent}, context)
        return self._begin(name, kind, facts, context)

    def begin_run(self, name: str, kind: Kind, run: str, facts: Facts, *, first: bool) -> Span:
        trace_id, root = ids_of_run(run)
        if first:
            with _ids_are(trace_id, root):
                return self._begin(name, kind, facts, Context())
        # All processes decide alike whether the run's trace is kept, as its root was: from its id.
        kept = self._sampler.should_sample(Context(), trace_id, name).decision.is_sampled()
        flags = TraceFlags(TraceFlags.RANDOM_TRACE_ID | (TraceFlags.SAMPLED if kept else TraceFlags.DEFAULT))
        parent = NonRecordingSpan(SpanContext(trace_id, root, is_remote=True, trace_flags=flags))
        return self._begin(name, kind, facts, set_span_in_context(parent, Context()))

    def _begin(self, name: str, kind: Kind, facts: Facts, context: Context) -> Span:
        span = OtelSpan(self._tracer.start_span(name, context, _KINDS[kind], record_exception=False))
        span.note(facts)
        return span


def _attribute(name: str, value: Any) -> Any:
    """`value` as an attribute takes it, and without secrets."""
    if isinstance(value, (bool, int, float)):
        return value
    value = masked(name, value)
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        return f"[{','.join(_last([_json(item) for item in value], MAX_TEXT - 2))}]"
    return _json(value)[:MAX_TEXT]


def _last(texts: list[str], room: int) -> list[str]:
    """As many of them as there is room for, whole: of a conversation the end says more than the beginning."""
    kept = len(texts)
    while kept and (room := room - len(texts[kept - 1]) - 1) >= 0:
        kept -= 1
    return texts[kept:]


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


_next_ids: ContextVar[tuple[int, int] | None] = ContextVar("next_ids", default=None)


@contextmanager
def _ids_are(trace_id: int, span_id: int) -> Iterator[None]:
    token = _next_ids.set((trace_id, span_id))
    try:
        yield
    finally:
        _next_ids.reset(token)


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        wanted = _next_ids.get()
        return wanted[0] if wanted else super().generate_trace_id()

    def generate_span_id(self) -> int:
        wanted = _next_ids.get()
        return wanted[1] if wanted else super().generate_span_id()


class _Counted(BatchSpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            _ENDED.inc()
        super().on_end(span)


class _Told(SpanExporter):
    """Says once that the collector takes nothing, and once that it does again; the SDK would say it every few seconds."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._lost = 0
        self._since: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._inner.export(spans)
        except Exception:
            result = SpanExportResult.FAILURE
        good = result is SpanExportResult.SUCCESS
        SPANS.labels("sent" if good else "lost").inc(len(spans))
        if good and self._since is not None:
            seconds = round(time.monotonic() - self._since)
            log.warning("the collector takes spans again, after %d seconds; %d were lost", seconds, self._lost)
            self._since, self._lost = None, 0
        elif not good:
            self._lost += len(spans)
            if self._since is None:
                self._since = time.monotonic()
                log.warning("the collector takes no spans; they are lost until it does. The work goes on")
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def _sampler(settings: TraceSettings) -> sampling.Sampler:
    kind = settings.sampler.removeprefix("parentbased_")
    root: sampling.Sampler
    if kind == "traceidratio":
        root = sampling.TraceIdRatioBased(settings.ratio)
    else:
        root = sampling.ALWAYS_ON if kind == "always_on" else sampling.ALWAYS_OFF
    return sampling.ParentBased(root) if settings.sampler.startswith("parentbased_") else root


class Traces:
    """The spans of this process, from `start_traces` to `stop`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def stop(self, seconds: float = FLUSH_SECONDS) -> None:
        """Hand over what is left, for so long at most. Blocks."""
        trace_with(None)
        # A thread that dies with the process: the SDK itself would wait for half a minute.
        flush = threading.Thread(target=self._provider.shutdown, name="traces-flush", daemon=True)
        flush.start()
        flush.join(seconds)


def start_traces(settings: TraceSettings, *, process: str, release: str, environment: str) -> Traces:
    """From now on this process makes spans. `process`: "web" or "worker"."""
    resource = Resource(
        {
            "service.version": release,
            "service.instance.id": secrets.token_hex(8),
            "deployment.environment.name": environment,
            "aap.process": process,
            **settings.attributes,
        }
    )
    provider = TracerProvider(
        sampler=_sampler(settings),
        resource=resource,
        shutdown_on_exit=False,
        id_generator=_Ids(),
        span_limits=SpanLimits(max_span_attribute_length=MAX_TEXT, max_attribute_length=MAX_TEXT),
    )
    exporter = span_exporter(
        settings.endpoint,
        headers=settings.headers,
        timeout=settings.timeout,
        gzip=settings.gzip,
        ca_file=settings.ca_file,
        certificate_file=settings.certificate_file,
        key_file=settings.key_file,
    )
    provider.add_span_processor(
        _Counted(
            _Told(exporter),
            max_queue_size=settings.queue,
            schedule_delay_millis=settings.delay * 1000,
            max_export_batch_size=settings.batch,
        )
    )
    trace_with(
        OtelTracer(provider, version=release, with_content=settings.with_content, to_providers=settings.to_providers)
    )
    return Traces(provider)
