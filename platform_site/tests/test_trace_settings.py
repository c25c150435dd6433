"""What operators say about traces: by the standard's names; what is wrong stops the start and repeats no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_site.env import BadEnvironment
from platform_site.trace_settings import TraceSettings, read_trace_settings

ROOT = Path(__file__).resolve().parents[2]
COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> TraceSettings | None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_trace_settings()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "must be an address such as http://collector:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://collector:4317"}, "must be an address"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:99999"}, "must be an address"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::"}, "must be an address"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:hush-hush@collector"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "must be http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "api-key hush-hush"}, "entry 1 of it is not"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b,sp ace=hush-hush"}, "entry 2 of it is not"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hush-hush%0d%0aX: y"}, "characters that no header can"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10"}, "is in milliseconds"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "1e9"}, "is in milliseconds"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "must be none or gzip"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere/ca.pem"}, "is no file"),
        ({"OTEL_EXPORTER_OTLP_CLIENT_KEY": __file__}, "needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "must be otlp or none"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER must be one of always_on"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"}, "a number from 0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"}, "a number from 0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.5"}, "from 0 to 1"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team"}, "entry 1 of it is not"),
        ({"AAP_TRACE_CONTENT": "perhaps"}, "AAP_TRACE_CONTENT must be 1 or 0"),
        ({"AAP_TRACE_TO_PROVIDERS": "some"}, "must be none, private or all"),
    ],
    ids=lambda value: next(iter(value.items()))[1] if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said(wrong: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadEnvironment) as refused:
        read(monkeypatch, **{**COLLECTOR, **wrong})
    assert said in str(refused.value) and "hush-hush" not in str(refused.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_SAMPLER": "nonsense"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {**COLLECTOR, "OTEL_SDK_DISABLED": "true"},
        {**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_collector_there_are_no_traces(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, **environment) is None


def test_the_standards_names_are_heard_and_then_taken_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "headers"
    secret.write_text("api-key=a%20b\n")
    settings = read(
        monkeypatch,
        **COLLECTOR,
        OTEL_EXPORTER_OTLP_HEADERS_FILE=str(secret),
        OTEL_SERVICE_NAME="agents of amber",
        OTEL_RESOURCE_ATTRIBUTES="service.name=other,team=ops",
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.25",
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="2500",
        OTEL_EXPORTER_OTLP_TIMEOUT="9000",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
    )
    assert settings is not None
    assert settings.endpoint == "http://collector:4318/v1/traces"
    assert settings.headers == {"api-key": "a b"} and "a b" not in repr(settings)
    assert settings.attributes == {"service.name": "agents of amber", "team": "ops"}
    assert (settings.sampler, settings.ratio, settings.timeout) == ("parentbased_traceidratio", 0.25, 2.5)
    assert (settings.with_content, settings.to_providers) == (False, "private")
    assert not [name for name in os.environ if name.startswith("OTEL_")], "no library reads them for itself"
    exact = read(monkeypatch, **COLLECTOR, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://collector.example/in")
    assert exact is not None and exact.endpoint == "https://collector.example/in"


@pytest.mark.slow
def test_a_start_is_refused_with_the_reason(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr.startswith("OTEL_EXPORTER_OTLP_ENDPOINT must be an address"), (
        done.stderr
    )
