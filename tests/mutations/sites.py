"""Where the guards are: every place in the product's code that refuses, narrows or records, found in its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "limits", "audit", "accounts", "llm_providers", "agents", "privacy", "platform_site")
LEFT_OUT = re.compile(r"/(tests|migrations|management|chaos|testing)/|/admin_site\.py|/doctor\.py")

#: A statement that is nothing but one of these calls is a guard or a record.
CALLS = {
    "authorize": "permission check",
    "require_fresh": "permission check",
    "require_web_client": "origin check",
    "refuse_more_than_own": "permission check",
    "refuse_if_needed": "permission check",
    "still_signed_in": "permission check",
    "record_denial": "audit call",
    "record_refusal": "audit call",
    "write_entry": "audit call",
    "rights_shrank": "permission check",
    "end_other_sessions": "permission check",
}
#: Keywords of a query that keep it to one workspace, one person, one holder.
NARROWING = {
    "workspace_id": "tenant filter",
    "workspace": "tenant filter",
    "owner_id": "tenant filter",
    "user_id": "tenant filter",
    "user": "tenant filter",
    "started_by_id": "tenant filter",
    "lease_epoch": "epoch check",
    "ended_at": "permission check",
    "user__is_active": "permission check",
    "expires_at__gt": "permission check",
}
QUERIES = {"filter", "get"}
REFUSALS = {"NotFound", "PermissionDenied", "NotAuthenticated", "SecondFactorRequired"}
RULES = {"access_q", "reach_q"}


@dataclass(frozen=True, slots=True)
class Site:
    """One guard. `name` is `path:line:column what`."""

    path: str
    line: int
    column: int
    what: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line}:{self.column} {self.what}"


class Guards(ast.NodeTransformer):
    """Visits a module: lists its guards, marks them with a call, or takes one out."""

    def __init__(self, path: str, *, out: str | None = None, mark: bool = False) -> None:
        self.path, self.found, self._out, self._mark = path, [], out, mark  # type: ignore[var-annotated]
        self._within: list[str] = []

    def _site(self, node: ast.AST, what: str) -> str:
        site = Site(self.path, node.lineno, node.col_offset, what)  # type: ignore[attr-defined]
        self.found.append(site)
        return site.name

    def _marking(self, name: str, node: ast.AST) -> ast.stmt:
        return _located(ast.Expr(ast.Call(ast.Name("__reached__", ast.Load()), [ast.Constant(name)], [])), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._within.append(node.name)
        node.decorator_list = [self._decorator(one) for one in node.decorator_list]
        self.generic_visit(node)
        self._within.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def _decorator(self, node: ast.expr) -> ast.expr:
        """`@action("…", requires=P.X)`: what it requires."""
        if isinstance(node, ast.Call) and _name(node.func) == "action":
            for keyword in node.keywords:
                if keyword.arg == "requires" and not isinstance(keyword.value, ast.Constant):
                    name = self._site(node, "permission check requires")
                    if name == self._out:
                        keyword.value = _located(ast.Constant(None), keyword.value)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        call = node.value
        kind = CALLS.get(_name(call.func)) if isinstance(call, ast.Call) else None
        if kind is None:
            return self.generic_visit(node)
        name = self._site(node, f"{kind} {_name(call.func)}")  # type: ignore[attr-defined]
        if name == self._out:
            return _located(ast.Pass(), node)
        return [self._marking(name, node), node] if self._mark else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """`if …: raise NotFound()` without an else."""
        self.generic_visit(node)
        last = node.body[-1]
        if node.orelse or not isinstance(last, ast.Raise) or not isinstance(last.exc, ast.Call):
            return node
        if _name(last.exc.func) not in REFUSALS:
            return node
        name = self._site(node, f"permission check raise {_name(last.exc.func)}")
        if name == self._out:
            return _located(ast.Pass(), node)
        return [self._marking(name, node), node] if self._mark else node

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        """An object rule that reaches everything."""
        self.generic_visit(node)
        if not (set(self._within) & RULES) or node.value is None or ast.unparse(node.value) == "models.Q()":
            return node
        name = self._site(node, "tenant filter object rule")
        if name == self._out:
            return _located(ast.parse("return models.Q()").body[0], node)
        return [self._marking(name, node), node] if self._mark else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = _name(node.func)
        if called == "visible_to" and len(node.args) == 3:
            return self._changed(node, "tenant filter visible_to", node.args[2])
        if called in QUERIES and isinstance(node.func, ast.Attribute):
            changed: ast.expr = node
            for keyword in [one for one in node.keywords if one.arg in NARROWING]:
                fewer = ast.Call(node.func, node.args, [one for one in node.keywords if one is not keyword])
                what = f"{NARROWING[keyword.arg or '']} {keyword.arg}"
                changed = self._changed(node, what, fewer, within=changed)
            return changed
        return node

    def _changed(self, node: ast.Call, what: str, instead: ast.expr, within: ast.expr | None = None) -> ast.expr:
        """`within`: what the call has become by now, when it holds several guards."""
        name, now = self._site(node, what), within or node
        if name == self._out:
            return _located(instead, node)
        if self._mark:  # an expression that says that it was reached and is what it was
            reached = ast.Call(ast.Name("__reached__", ast.Load()), [ast.Constant(name)], [])
            return _located(ast.Subscript(ast.Tuple([reached, now], ast.Load()), ast.Constant(1), ast.Load()), node)
        return now


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _located(node: ast.AST, where: ast.AST) -> ast.AST:  # type: ignore[type-arg]
    return ast.fix_missing_locations(ast.copy_location(node, where))


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not LEFT_OUT.search(str(path)):
                yield path


def sites() -> list[Site]:
    """All guards, in the order of their files. One that stands in two queries of a line is one for each column."""
    found: dict[str, Site] = {}
    for path in modules():
        relative = str(path.relative_to(ROOT))
        guards = Guards(relative)
        guards.visit(ast.parse(path.read_text()))
        found.update((site.name, site) for site in guards.found)
    return list(found.values())
