"""The tracer itself: which runs are kept, who is told, and what an attribute may hold."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core import tracing
from core.ids import new_id
from core.secret import Secret
from platform_site import traces
from platform_site.trace_settings import TraceSettings
from platform_site.traces import MAX_TEXT, OtelTracer, ids_of_run
from tests.fixtures.trace_sink import TraceSink


def settings(**changes: Any) -> TraceSettings:
    plain: dict[str, Any] = {
        "endpoint": "http://127.0.0.1:9/v1/traces", "headers": {}, "attributes": {"service.name": "test"},
        "sampler": "parentbased_always_on", "ratio": 1.0, "timeout": 1.0, "gzip": False, "ca_file": None,
        "certificate_file": None, "key_file": None, "queue": 16, "batch": 16, "delay": 60.0, "with_content": False,
        "to_providers": "private",
    }  # fmt: skip
    return TraceSettings(**{**plain, **changes})


class Begun:
    """A process's tracer, and the spans that ended beside what goes to its collector (which is not there)."""

    def __init__(self, **changes: Any) -> None:
        self.traces = traces.start_traces(settings(**changes), process="test", release="1", environment="test")
        tracer = tracing.tracer()
        assert isinstance(tracer, OtelTracer)
        self.tracer, self._kept = tracer, InMemorySpanExporter()
        self.traces._provider.add_span_processor(SimpleSpanProcessor(self._kept))

    @property
    def ended(self) -> dict[str, Any]:
        return {span.name: span for span in self._kept.get_finished_spans()}


@pytest.fixture
def begin() -> Iterator[Any]:
    begun: list[Begun] = []

    def start(**changes: Any) -> Begun:
        begun.append(Begun(**changes))
        return begun[-1]

    yield start
    for one in begun:
        one.traces.stop(0.1)
    assert tracing.tracer() is None


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_all_processes_keep_the_same_runs(sampler: str, begin: Any) -> None:
    """A part of the runs is kept, and each with all of its spans, whichever process makes them."""
    kept = 0
    one, other = begin(sampler=sampler, ratio=0.3).tracer, begin(sampler=sampler, ratio=0.3).tracer
    for _ in range(400):
        run = new_id("run")
        root = one.begin_run("start run", "producer", run, {}, first=True)
        job = other.begin_run("job run", "consumer", run, {}, first=False)
        inner = other.begin("invoke_agent", "internal", {}, job)
        assert root.trace_id == job.trace_id == inner.trace_id == f"{ids_of_run(run)[0]:032x}"
        assert len({span.traceparent[-2:] for span in (root, job, inner)}) == 1
        kept += root.traceparent.endswith("-03")
    assert 70 < kept < 180


def test_whether_a_request_is_kept_is_the_samplers_say(begin: Any) -> None:
    ids = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    follows, own = begin().tracer, begin(sampler="always_on").tracer
    for flag, tracer, kept in (("00", follows, "00"), ("01", follows, "01"), ("00", own, "01")):
        span = tracer.begin("GET", "server", {}, f"{ids}-{flag}")
        assert span.trace_id == "0af7651916cd43dd8448eb211c80319c" and span.traceparent.endswith(f"-{kept}")


@pytest.mark.parametrize(("said", "own", "elsewhere"), [("none", 0, 0), ("private", 1, 0), ("all", 1, 1)])
def test_providers_are_told_as_the_operator_wants(said: str, own: int, elsewhere: int, begin: Any) -> None:
    begin(to_providers=said)
    assert tracing.header_for(lambda: True) is None, "outside of any work there is nothing to tell"
    with tracing.traced(lambda tracer: tracer.begin("work", "internal", {}, None)) as span:
        assert span is not None
        assert tracing.header_for(lambda: True) == (span.traceparent if own else None)
        assert tracing.header_for(lambda: False) == (span.traceparent if elsewhere else None)


def test_an_attribute_holds_no_secret_and_has_an_end(begin: Any) -> None:
    begun = begin()
    with tracing.traced(lambda tracer: tracer.begin("work", "internal", {"none": None}, None)) as span:
        assert span is not None
        span.note(
            {
                "text": "the key is sk-abcdefghijklmnop",
                "long": "x" * 200_000,
                "number": 7,
                "names": ["a", "b"],
                "nested": [{"text": "Bearer abcdefghijkl", "arguments": {"password": "hush"}, "key": Secret("hush")}],
                "talk": [{"content": f"{number} " + "y" * 8_000} for number in range(20)],
            }
        )
    attributes = begun.ended["work"].attributes
    assert "abcdefghijkl" not in str(attributes) and "hush" not in str(attributes)
    assert len(attributes["long"]) == MAX_TEXT and attributes["number"] == 7 and attributes["names"] == ("a", "b")
    assert "none" not in attributes
    talk = json.loads(attributes["talk"])
    assert talk[-1]["content"].startswith("19 ") and len(talk) < 20, "whole, and the end of it"


def test_a_block_that_fails_says_so_by_a_code(begin: Any) -> None:
    begun = begin()
    with pytest.raises(ValueError), tracing.traced(lambda tracer: tracer.begin("work", "internal", {}, None)):
        raise ValueError("what a person wrote")
    span = begun.ended["work"]
    assert span.attributes["error.type"] == "ValueError" and not span.events and not span.status.description
    assert tracing.current_span() is None


def test_the_end_waits_for_a_collector_that_hangs_no_longer_than_it_says(begin: Any) -> None:
    with TraceSink() as sink:
        sink.mode = "hang"
        begun = begin(endpoint=f"{sink.url}/v1/traces", timeout=60.0, delay=0.05)
        begun.tracer.begin("work", "internal", {}, None).end()
        sink.wait_for_visits(1)
        asked = time.monotonic()
        begun.traces.stop(0.3)
        assert time.monotonic() - asked < 5
