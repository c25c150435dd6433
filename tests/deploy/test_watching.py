"""What watches the product: the rules by Prometheus' own tool, rules and dashboards by the figures that really exist."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
#: What Prometheus itself, and the client library on Linux, say of a process.
GIVEN = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}
WORDS = {
    "sum",
    "rate",
    "increase",
    "max",
    "min",
    "by",
    "histogram_quantile",
    "avg_over_time",
    "absent",
    "and",
    "or",
    "on",
}


def promtool(*arguments: str) -> str:
    tool = shutil.which("promtool")
    assert tool, "promtool is missing: the alert rules need it (on Debian: apt-get install prometheus)."
    done = subprocess.run(
        [tool, *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_rules_and_their_tests() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts.test.yaml")
    promtool("check", "config", "--syntax-only", "prometheus.yaml")


def test_each_alert_is_tested_both_ways_and_has_a_runbook() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus" / "alerts.test.yaml").read_text())["tests"]
    asked = [(one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]]
    guide = (ROOT / "docs" / "operations.md").read_text()
    for alert in ALERTS:
        name = alert["alert"]
        assert (name, True) in asked and (name, False) in asked, name
        assert alert["labels"]["severity"] in ("page", "ticket")
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md" and anchor == name.lower()
        assert f"### {name}\n" in guide, f"{name} has no runbook"


@cache
def figures() -> frozenset[str]:
    """The names of every series that the product offers."""
    from django_prometheus.middleware import Metrics
    from prometheus_client import REGISTRY

    import agents.runtime.metrics
    import audit.metrics
    import limits.admission
    import llm_providers.metrics
    import platform_site.metrics
    import platform_site.traces

    Metrics.get_instance()
    names = set()
    for metric in REGISTRY.collect():
        names |= {sample.name for sample in metric.samples} | {
            f"{metric.name}_{end}" for end in ("total", "bucket", "count", "sum")
        }
    text = Path(agents.runtime.metrics.__file__).read_text() + Path(platform_site.metrics.__file__).read_text()
    names |= set(re.findall(r"GaugeMetricFamily\(\s*\"(\w+)\"", text))
    assert audit.metrics and limits.admission and llm_providers.metrics and platform_site.traces
    return frozenset(names)


def named(query: str) -> set[str]:
    """The series that a query asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", query)
    bare = re.sub(r"\b(by|on) *\([^)]*\)", " ", bare)
    return {word for word in re.findall(r"[a-zA-Z_][\w:]*", bare) if word not in WORDS}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_show_what_exists(path: Path) -> None:
    board = json.loads(path.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            assert named(target["expr"]) <= figures() | GIVEN | RECORDED, (panel["title"], target["expr"])
    boxes = [panel["gridPos"] for panel in board["panels"]]
    assert len(boxes) > 4 and all(box["x"] + box["w"] <= 24 for box in boxes)
    assert len({panel["title"] for panel in board["panels"]}) == len(board["panels"])


def test_rules_ask_for_what_exists() -> None:
    asked = {name for group in RULES["groups"] for rule in group["rules"] for name in named(rule["expr"])}
    assert len(asked) > 10 and asked <= figures() | GIVEN | RECORDED, asked - figures() - GIVEN - RECORDED
    values = (DEPLOY / "kubernetes" / "components" / "monitoring" / "adapter-values.yaml").read_text()
    assert set(re.findall(r"seriesQuery: '(\w+)\{", values)) <= figures()


def test_a_figure_that_is_not_there_is_found() -> None:
    assert not named('sum(rate(aap_no_such_total{a="b"}[5m]))') <= figures() | GIVEN | RECORDED


def test_the_dashboards_are_those_of_make() -> None:
    spec = importlib.util.spec_from_file_location("make_dashboards", DEPLOY / "grafana" / "make.py")
    assert spec is not None and spec.loader is not None
    made: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert {path.stem: json.loads(path.read_text()) for path in DASHBOARDS} == {
        one["uid"]: one for one in made.DASHBOARDS
    }


def test_queries_are_what_prometheus_understands(tmp_path: Path) -> None:
    rules = [
        {"record": f"a:{number}", "expr": target["expr"]}
        for number, target in enumerate(
            target
            for path in DASHBOARDS
            for panel in json.loads(path.read_text())["panels"]
            for target in panel["targets"]
        )
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))
