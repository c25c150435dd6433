"""deploy/kubernetes: what each overlay makes of the base is valid, closed to the outside, and fits together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy.kustomize import Object, build, containers, documents

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
#: Kinds that operators bring along: their schemas are not Kubernetes' own.
FOREIGN = {"ServiceMonitor", "PrometheusRule", "ExternalSecret"}
PODS = {"Deployment", "StatefulSet", "Job"}


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return build(KUBERNETES / "overlays" / request.param)


def of(objects: list[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def pod(made: Object) -> Any:
    return made["spec"]["template"]["spec"]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_each_object_is_valid(objects: list[Object], version: str) -> None:
    checked = [one for one in objects if one["kind"] not in FOREIGN]
    assert len(checked) > 15
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)


def test_a_typing_error_is_found() -> None:
    made = next(one for one in build(KUBERNETES / "overlays" / "production") if one["kind"] == "Deployment")
    pod(made)["containers"][0]["readOnlyFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(made, "1.37", strict=True)


def test_pods_keep_the_restricted_standard(objects: list[Object]) -> None:
    (namespace,) = of(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for made in of(objects, *PODS):
        name, spec = made["metadata"]["name"], pod(made)
        security = spec["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False and spec["serviceAccountName"] != "default", name
        assert not any(spec.get(way) for way in ("hostNetwork", "hostPID", "hostIPC")), name
        for container in containers(made):
            locked = container["securityContext"]
            assert locked["allowPrivilegeEscalation"] is False and locked["readOnlyRootFilesystem"] is True, name
            assert locked["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"], name
            assert not re.search(r":latest$|^[^:]+$", container["image"]), (name, container["image"])


def test_what_is_named_is_there(objects: list[Object]) -> None:
    have = {(one["kind"], one["metadata"]["name"]) for one in objects}
    given = {"platform", "platform-owner", "database", "redis", "platform-tls"}  # Secrets come from outside
    for made in of(objects, *PODS):
        spec = pod(made)
        assert ("ServiceAccount", spec["serviceAccountName"]) in have
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in made["spec"].get("volumeClaimTemplates", [])}
        for container in containers(made):
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes) | claims
            for source in container.get("envFrom", []):
                assert ("ConfigMap", source["configMapRef"]["name"]) in have
        for volume in volumes.values():
            if "secret" in volume:
                assert volume["secret"]["secretName"] in given
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in have
        selector = made["spec"].get("selector", {}).get("matchLabels", {})
        assert selector.items() <= made["spec"]["template"]["metadata"]["labels"].items()
    for scaler in of(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) in have
    (ingress,) = of(objects, "Ingress")
    for rule in ingress["spec"]["rules"]:
        for route in rule["http"]["paths"]:
            assert ("Service", route["backend"]["service"]["name"]) in have


def test_nobody_reaches_out_but_servers_and_workers(objects: list[Object]) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of(objects, "NetworkPolicy")}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    outward = []
    for name, spec in policies.items():
        for rule in spec.get("egress", []):
            for place in rule.get("to", []):
                block = place.get("ipBlock")
                if block and block["cidr"] in ("0.0.0.0/0", "::/0"):
                    outward.append((name, block))
    assert {name for name, _ in outward} == {"vendors"}
    (expression,) = policies["vendors"]["podSelector"]["matchExpressions"]
    assert expression["values"] == ["web", "worker"]
    for _, block in outward:
        closed = "169.254.0.0/16" if block["cidr"] == "0.0.0.0/0" else "fe80::/10"
        assert closed in block["except"], "the address where clouds hand out credentials"


def test_they_drain_before_they_go(objects: list[Object]) -> None:
    pods = {one["metadata"]["name"]: pod(one) for one in of(objects, "Deployment")}
    (web,) = pods["web"]["containers"]
    waits = web["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pods["web"]["terminationGracePeriodSeconds"] > waits + 30
    assert pods["worker"]["terminationGracePeriodSeconds"] > 20 + 30, "AAP_WORKER_PATIENCE and the rest"
    for name in ("web", "worker"):
        (container,) = pods[name]["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        assert len(pods[name]["topologySpreadConstraints"]) == 2
    assert {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        for one in of(objects, "PodDisruptionBudget")
    } == {"web", "worker"}


def test_the_owners_key_is_the_migrations_alone(objects: list[Object]) -> None:
    for made in of(objects, *PODS):
        names = str(pod(made).get("volumes"))
        assert ("platform-owner" in names) == (made["metadata"]["name"] == "migrate")


def test_the_adapter_offers_what_the_autoscalers_ask_for() -> None:
    (values,) = documents(KUBERNETES / "components" / "monitoring" / "adapter-values.yaml")
    offered = {rule["name"]["matches"] for rule in (*values["rules"]["custom"], *values["rules"]["external"])}
    wanted = set()
    for scaler in of(build(KUBERNETES / "overlays" / "production"), "HorizontalPodAutoscaler"):
        for metric in scaler["spec"]["metrics"]:
            wanted |= {
                part["metric"]["name"] for part in metric.values() if isinstance(part, dict) and "metric" in part
            }
    assert wanted == offered
