"""Traces at an operator's collector: one for each run, wherever it is carried on; no content, no secret; and a collector
that is slow, ill or gone costs nobody anything."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
import websockets

from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.fixtures.trace_sink import SeenSpan, TraceSink
from tests.fixtures.vendor import Vendor

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
TEXT = "Her salary is 71234 and nobody may know"
ANSWER = "She earns more than her neighbour thinks"
INSTRUCTIONS = "You are the clerk of the house of Amber"
SUM = "40000+1957"
COLLECTOR_KEY = "collector-credential-4711"
CLIENTS_TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENTS_SPAN = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def sink() -> Iterator[TraceSink]:
    with TraceSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        vendor.answers[TEXT] = ANSWER
        vendor.calls[TEXT] = ("calculator", {"expression": SUM})
        yield vendor


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, sink: TraceSink, vendor: Vendor) -> Iterator[Product]:
    environment = {
        "AAP_RATE_LIMITS": "off",
        "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={COLLECTOR_KEY}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1500",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BSP_MAX_QUEUE_SIZE": "64",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16",
        "OTEL_RESOURCE_ATTRIBUTES": "team=people%20operations",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    product = Product(data=tmp_path_factory.mktemp("traces") / "data", environment=environment)
    try:
        yield product.start().set_up()
    finally:
        product.stop()


@pytest.fixture(scope="module")
def agent(product: Product, vendor: Vendor) -> str:
    address = f"http://127.0.0.1:{vendor.port}/v1"
    body = {"kind": "openai_compatible", "name": "V", "base_url": address, "api_key": vendor.key}
    product.call("POST", "providers/", body)
    model = product.call("GET", "models/")["results"][0]["id"]
    tools = ["calculator", "ask_person"]
    fields = {"name": "Clerk", "instructions": INSTRUCTIONS, "model": model, "tools": tools}
    agent = product.call("POST", "agents/", fields)["id"]
    product.call("POST", f"agents/{agent}/publish/", {})
    return str(agent)


def start(product: Product, agent: str, text: str, **headers: str) -> dict[str, Any]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    run: dict[str, Any] = product.call("POST", "runs/", {"agent": agent, "input": {"text": text}}, names)
    return run


def trace_of(run: str) -> str:
    """As docs/operations.md says: `printf %s run_… | sha256sum | cut -c1-32`."""
    return sha256(run.encode()).hexdigest()[:32]


def whole(sink: TraceSink, run: str, jobs: int = 1) -> list[SeenSpan]:
    """The spans of the run's trace, once as many processes as that have done their part."""
    trace = trace_of(run)
    sink.wait_for(
        lambda spans: (
            len([span for span in spans if span.trace == trace and span.name == "job run"]) >= jobs
            and any(span.trace == trace and span.name == "start run" for span in spans)
        )
    )
    return sink.of(trace)


def named(sink: TraceSink, request: str) -> list[SeenSpan]:
    """The spans of this request, once there are some."""
    return [
        span
        for span in sink.wait_for(lambda spans: any(one.attributes.get("aap.request.id") == request for one in spans))
        if span.attributes.get("aap.request.id") == request
    ]


def lines(product: Product) -> list[dict[str, Any]]:
    return [json.loads(line) for line in product.log.read_text().splitlines() if line.startswith("{")]


def test_a_run_is_one_trace_of_ids_and_figures(product: Product, agent: str, vendor: Vendor, sink: TraceSink) -> None:
    """GOALS G19: neither what was said nor a secret is in it, however it is written."""
    vendor.failures[TEXT] = 1
    vendor.heads.clear()
    known = len(sink.raw)
    headers = {"X_Request_ID": "traced-0001", "Traceparent": f"00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-01"}
    started = start(product, agent, TEXT, **headers)
    run = started["id"]
    assert product.wait_for_end(run)["output"]["text"] == ANSWER
    spans = whole(sink, run)
    (root,) = [span for span in spans if span.name == "start run"]
    (job,) = [span for span in spans if span.name == "job run"]
    (invocation,) = [span for span in spans if span.name == "invoke_agent Clerk"]
    chats = [span for span in spans if span.name == f"chat {vendor.model}"]
    (tool,) = [span for span in spans if span.name == "execute_tool calculator"]
    assert len(spans) == 6 and len(chats) == 2

    # The tree, and its kinds.
    assert (root.parent, root.id) == ("", sha256(run.encode()).hexdigest()[32:48])
    assert (job.parent, invocation.parent) == (root.id, job.id)
    assert {span.parent for span in (*chats, tool)} == {invocation.id}
    assert [span.kind for span in (root, job, invocation, chats[0], tool)] == [
        *("producer", "consumer", "internal", "client", "internal")
    ]

    # The request is in the client's trace; it and the run lead to each other.
    sink.wait_for(lambda all_of_them: any(span.trace == CLIENTS_TRACE for span in all_of_them))
    (request,) = sink.of(CLIENTS_TRACE)
    assert (request.name, request.kind) == ("POST /api/v1/workspaces/{workspace}/runs/", "server")
    assert request.parent == CLIENTS_SPAN
    assert request.links == [(root.trace, root.id)] and root.links == [(CLIENTS_TRACE, request.id)]
    assert request.attributes["http.response.status_code"] == 202

    # Everything says whose it is.
    me = product.call("GET", "/api/v1/me/")
    for span in (*spans, request):
        assert span.attributes["aap.request.id"] == "traced-0001", span
        assert span.attributes["user.id"] == me["id"], span
        assert span.attributes["aap.workspace.id"] == me["workspaces"][0]["id"], span
        assert span.schema == "https://opentelemetry.io/schemas/1.41.0"
        assert not span.failed
        assert span.resource["service.name"] == "agent-platform" and span.resource["team"] == "people operations"
        assert span.resource["service.version"] == "0.1.0" and span.resource["aap.process"] == "web"
    assert all(span.attributes["aap.run.id"] == run for span in spans)
    assert [span.attributes["aap.step"] for span in (*chats, tool)] == ["1", "2", "1"]

    # The conventions.
    first, second = (span.attributes for span in chats)
    for facts in (first, second):
        assert facts["gen_ai.operation.name"] == "chat"
        assert facts["gen_ai.provider.name"] == "openai_compatible"
        assert facts["gen_ai.request.model"] == facts["gen_ai.response.model"] == vendor.model
        assert facts["gen_ai.response.id"] == "c"
        assert (facts["server.address"], facts["server.port"]) == ("127.0.0.1", vendor.port)
        assert facts["gen_ai.usage.input_tokens"] > 0 and facts["gen_ai.usage.output_tokens"] > 0
        assert 0 < facts["gen_ai.response.time_to_first_chunk"] < 10
    assert first["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert second["gen_ai.response.finish_reasons"] == ["stop"]
    assert (first["aap.model_call.tries"], second["aap.model_call.tries"]) == (2, 1)
    facts = invocation.attributes
    assert facts["gen_ai.operation.name"] == "invoke_agent" and facts["aap.run.status"] == "succeeded"
    assert (facts["gen_ai.agent.id"], facts["gen_ai.agent.name"], facts["gen_ai.agent.version"]) == (
        agent,
        "Clerk",
        "1",
    )
    assert facts["gen_ai.conversation.id"] == started["conversation"]
    assert facts["gen_ai.usage.output_tokens"] == sum(one["gen_ai.usage.output_tokens"] for one in (first, second))
    assert tool.attributes["gen_ai.operation.name"] == "execute_tool"
    assert tool.attributes["gen_ai.tool.name"] == "calculator"
    call = next(one["event"]["call"] for one in product.events(run) if one["event"]["type"] == "tool.requested")
    assert tool.attributes["gen_ai.tool.call.id"] == call

    # The provider, on a host that the operator named, is told where its part belongs: one header for each try.
    told = [head["traceparent"] for head in vendor.heads]
    assert told == [f"00-{root.trace}-{span.id}-03" for span in (chats[0], chats[0], chats[1])]

    # The collector knows us; and that is all that it knows.
    assert all(b"/v1/traces" in raw and COLLECTOR_KEY.encode() in raw for raw in sink.raw)
    keys = [path.read_text().strip() for path in (product.data / "keys").iterdir()]
    everything = b"\n".join(sink.raw[known:]).lower()
    for secret in (TEXT, ANSWER, INSTRUCTIONS, SUM, "41957", PASSWORD, EMAIL, product.token, vendor.key, *keys):
        for form in (secret, urllib.parse.quote(secret), urllib.parse.quote_plus(secret), json.dumps(secret)[1:-1]):
            assert form.lower().encode() not in everything, f"sent: {form}"


def test_one_id_finds_every_line_of_the_log(product: Product, agent: str, vendor: Vendor, sink: TraceSink) -> None:
    """From the request over the job to the model call, and at the socket: request, run, step, person, workspace, trace."""
    vendor.failures["Twice please"] = 1
    run = start(product, agent, "Twice please", X_Request_ID="logged-0001")["id"]
    product.wait_for_end(run)
    whole(sink, run)
    me = product.call("GET", "/api/v1/me/")
    found = [line for line in lines(product) if line.get("request_id") == "logged-0001"]
    access = next(line for line in found if line["event"] == "request")
    tried = next(line for line in found if line["event"].startswith("model call failed"))
    for line in (access, tried):
        assert line["user"] == me["id"] and line["workspace"] == me["workspaces"][0]["id"]
    assert (tried["run"], tried["step"], tried["trace_id"]) == (run, "1", trace_of(run))
    asyncio.run(break_a_socket(product, "logged-0002"))
    product.wait_for_log("logged-0002")
    (closed,) = [line for line in lines(product) if line.get("request_id") == "logged-0002"]
    assert closed["event"].startswith("a socket is closed") and closed["user"] == me["id"]
    (request,) = [span for span in sink.spans if span.id == access["span_id"]]
    assert request.trace == access["trace_id"] != trace_of(run)
    assert tried["span_id"] in {span.id for span in sink.of(trace_of(run)) if span.name.startswith("chat ")}


async def break_a_socket(product: Product, request: str) -> None:
    """Sign in, with the id that the proxy gave it, and say what no client says."""
    async with websockets.connect(product.socket_address, additional_headers={"X-Request-ID": request}) as socket:
        await socket.send(json.dumps({"type": "authenticate", "token": product.token}))
        await socket.recv()
        await socket.send("{")
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()


def test_a_failure_is_told_by_its_code(product: Product, agent: str, vendor: Vendor, sink: TraceSink) -> None:
    vendor.failures["Always ill"] = 9
    run = start(product, agent, "Always ill")["id"]
    assert product.wait_for_end(run)["status"] == "failed"
    spans = whole(sink, run)
    (chat,) = [span for span in spans if span.name.startswith("chat ")]
    (invocation,) = [span for span in spans if span.name.startswith("invoke_agent")]
    assert chat.failed and chat.attributes["error.type"] == "provider_overloaded"
    assert invocation.failed and invocation.attributes["error.type"] == "provider_overloaded"
    assert chat.attributes["aap.model_call.tries"] == 3 and "gen_ai.response.finish_reasons" not in chat.attributes


def test_health_is_not_told_and_a_bad_traceparent_is_ignored(product: Product, sink: TraceSink) -> None:
    zeros = "00-00000000000000000000000000000000-0000000000000000-01"
    for number, bad in enumerate((zeros, "x" * 300, "00-Ã©", f"00-{CLIENTS_TRACE}")):
        name = f"bad-header-{number}"
        headers = {"Authorization": f"Bearer {product.token}", "traceparent": bad, "X-Request-ID": name}
        address = f"{product.url}/api/v1/me/?secret=question-mark-4711"
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10)
        (span,) = named(sink, name)
        assert span.parent == "" and span.trace not in (CLIENTS_TRACE, "0" * 32)
        assert span.name == "GET /api/v1/me/" and not span.failed
    assert not [span for span in sink.spans if "healthz" in str(span.attributes) or "readyz" in str(span.attributes)]
    assert b"question-mark-4711" not in b"".join(sink.raw)


def spans_by_outcome(product: Product) -> dict[str, float]:
    with urllib.request.urlopen(f"{product.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {key: float(value) for key, value in re.findall(r'aap_trace_spans_total\{outcome="(\w+)"\} (\S+)', text)}


def test_a_collector_that_hangs_or_fails_costs_nobody_anything(product: Product, agent: str, sink: TraceSink) -> None:
    demo, known = product.demo_agent(name="Demo"), len(lines(product))
    for mode in ("hang", "fail"):
        sink.mode = mode  # type: ignore[assignment]
        visits = sink.met
        begun = time.monotonic()
        for _ in range(6):
            run = start(product, demo, "Hello [[tokens:3]]")["id"]
            assert product.wait_for_end(run)["status"] == "succeeded"
        assert time.monotonic() - begun < 10
        sink.wait_for_visits(visits + 1)
        for _ in range(200 if mode == "hang" else 0):  # more than the queue holds
            product.call("GET", "/api/v1/me/")
    sink.mode = "take"
    run = start(product, demo, "Hello again [[tokens:3]]")["id"]
    product.wait_for_end(run)
    whole(sink, run)
    product.wait_for_log("the collector takes spans again")
    said = [line["event"] for line in lines(product)[known:] if line.get("logger") == "platform.traces"]
    assert len(said) == 2 and said[0].startswith("the collector takes no spans"), said
    assert not [line for line in lines(product) if str(line.get("logger")).startswith("opentelemetry")]
    counts = spans_by_outcome(product)
    assert counts["lost"] > 0 and counts["ended"] - counts["sent"] - counts["lost"] > 0, "the queue has an end"


def back(product: Product) -> None:
    """As it was before the test."""
    product.stop()
    del product.environment["AAP_TRACE_CONTENT"]
    product.start().sign_in()


def test_a_run_goes_on_in_another_process_within_its_trace(
    product: Product, agent: str, vendor: Vendor, sink: TraceSink, request: pytest.FixtureRequest
) -> None:
    """It waits for a person while the first process ends, with a collector that hangs; the second wants content too."""
    question = "Which house? Mine is aap_pat_SecretSecretSecret"
    vendor.calls[question] = ("ask_person", {"question": "Amber or Chaos?"})
    vendor.answers[question] = ANSWER
    run = start(product, agent, question, X_Request_ID="moved-0001")["id"]
    before = whole(sink, run)
    assert product.call("GET", f"runs/{run}/")["status"] == "waiting"
    sink.mode = "hang"
    product.call("GET", "/api/v1/me/")
    begun = time.monotonic()
    product.stop()
    assert time.monotonic() - begun < 8, "what is left is handed over, for some seconds at most"
    sink.mode = "take"
    product.environment["AAP_TRACE_CONTENT"] = "1"
    request.addfinalizer(lambda: back(product))
    product.start().sign_in()
    (decision,) = product.call("GET", f"decisions/?run={run}")["results"]
    product.call("POST", f"decisions/{decision['id']}/resolve/", {"resolution": "answer", "result": "Amber"})
    assert product.wait_for_end(run)["status"] == "succeeded"
    spans = whole(sink, run, jobs=2)
    after = [span for span in spans if span.id not in {one.id for one in before}]
    first, second = ([span for span in part if span.name == "job run"] for part in (before, after))
    assert first[0].parent == second[0].parent == sha256(run.encode()).hexdigest()[32:48]
    assert first[0].resource["service.instance.id"] != second[0].resource["service.instance.id"]
    states = [span.attributes["aap.run.status"] for span in spans if span.name == "invoke_agent Clerk"]
    assert states == ["waiting", "succeeded"]
    assert {span.attributes["aap.request.id"] for span in after} == {"moved-0001"}

    (chat,) = [span for span in after if span.name.startswith("chat ")]
    (told,) = json.loads(chat.attributes["gen_ai.system_instructions"])
    assert INSTRUCTIONS in told["content"]
    asked = json.loads(chat.attributes["gen_ai.input.messages"])
    assert [message["role"] for message in asked] == ["user", "assistant", "tool"]
    assert asked[0]["parts"][0]["content"].startswith("Which house? Mine is ")
    assert asked[1]["parts"][0]["name"] == "ask_person" and asked[2]["parts"][0]["response"] == "Amber"
    (answered,) = json.loads(chat.attributes["gen_ai.output.messages"])
    assert answered == {
        "role": "assistant",
        "parts": [{"type": "text", "content": ANSWER}],
        "finish_reason": "stop",
    }
    assert b"SecretSecretSecret" not in b"".join(sink.raw), "secrets are masked in content as well"
