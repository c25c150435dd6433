"""What `kustomize build` makes of deploy/kubernetes, for the part of its language that stands there.

Neither kustomize nor kubectl comes as a package that can be pinned, so the checks render with this; whatever it does not
know is an error, not passed over.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "labels", "images", "patches"}
#: They belong to no namespace.
CLUSTER = {"Namespace"}

Object = dict[str, Any]


class Wrong(Exception):
    """A kustomization that kustomize would not build, or that this does not understand."""


def build(folder: Path) -> list[Object]:
    """All objects of the kustomization in `folder`, in the order in which they are named."""
    return _applied(folder, [], "Kustomization")


def documents(path: Path) -> list[Object]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _applied(folder: Path, objects: list[Object], kind: str) -> list[Object]:
    (plan,) = documents(folder / "kustomization.yaml")
    if plan["kind"] != kind or set(plan) - KNOWN:
        raise Wrong(f"{folder}: {plan['kind']}, {sorted(set(plan) - KNOWN)}")
    for name in plan.get("resources", []):
        path = (folder / name).resolve()
        objects = [*objects, *(build(path) if path.is_dir() else documents(path))]
    for name in plan.get("components", []):
        objects = _applied((folder / name).resolve(), objects, "Component")
    for patch in plan.get("patches", []):
        _patch(objects, patch, folder)
    for one in plan.get("labels", []):
        if set(one) - {"pairs", "includeTemplates"}:
            raise Wrong(f"{folder}: labels with {sorted(one)}")
        for made in objects:
            _label(made, one["pairs"], bool(one.get("includeTemplates")))
    for image in plan.get("images", []):
        for made in objects:
            _name_image(made, image)
    if "namespace" in plan:
        for made in objects:
            if made["kind"] in CLUSTER:
                made["metadata"]["name"] = plan["namespace"]
            else:
                made["metadata"]["namespace"] = plan["namespace"]
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    doubled = sorted({name for name in names if names.count(name) > 1}, key=str)
    if doubled:
        raise Wrong(f"{folder}: twice {doubled}")
    return objects


def _label(made: Object, pairs: dict[str, str], templates: bool) -> None:
    made["metadata"].setdefault("labels", {}).update(pairs)
    template = made.get("spec", {}).get("template")
    if templates and isinstance(template, dict):
        template["metadata"].setdefault("labels", {}).update(pairs)


def containers(made: Object) -> list[Object]:
    spec = made.get("spec", {}).get("template", {}).get("spec", {})
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


def _name_image(made: Object, image: dict[str, str]) -> None:
    for container in containers(made):
        if container["image"] == image["name"]:
            container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def _patch(objects: list[Object], patch: Object, folder: Path) -> None:
    """JSON patches (RFC 6902) on the objects that `target` names."""
    target = patch["target"]
    hit = [one for one in objects if one["kind"] == target["kind"] and one["metadata"]["name"] == target["name"]]
    if not hit:
        raise Wrong(f"{folder}: nothing is {target}")
    for change in yaml.safe_load(patch["patch"]):
        for made in hit:
            _change(made, change)


def _change(made: Object, change: Object) -> None:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
    place: Any = made
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    key: Any = int(last) if isinstance(place, list) else last
    value = copy.deepcopy(change.get("value"))
    match change["op"]:
        case "remove":
            del place[key]
        case "replace":
            _ = place[key]  # it must be there
            place[key] = value
        case "add" if isinstance(place, dict):
            place[key] = value
        case other:
            raise Wrong(f"a patch with {other} at {change['path']}")
