"""Where the guards are: every place in the product's code that refuses, narrows or records, found in its syntax tree."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", bound=ast.AST)

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "limits", "audit", "accounts", "llm_providers", "agents", "privacy", "platform_site")
LEFT_OUT = re.compile(r"/(tests|migrations|management|chaos|testing)/|/(admin_site|doctor|permission_table)\.py")

#: A statement that is nothing but one of these calls is a guard or a record.
CALLS = {
    **dict.fromkeys(
        ("authorize", "require", "require_fresh", "require_live", "still_signed_in", "_require_operator",
         "confirm_login_allowed", "refuse_if_needed", "refuse_inactive", "refuse_more_than_own", "refuse_other_ways",
         "refuse_out_of_reach", "refuse_way_out", "refuse_where_enforced", "refuse_without_factor",
         "rights_shrank", "end_other_sessions"),
        "permission check",
    ),
    **dict.fromkeys(("require_web_client", "require_browser"), "origin check"),
    **dict.fromkeys(
        ("write_entry", "record_denial", "record_refusal", "_record_refusal", "record_refused_answer",
         "record_refused_factor"),
        "audit call",
    ),
}  # fmt: skip
#: Keywords of a query that keep it to one workspace or person, to what still holds, to one holder.
NARROWING = {
    re.compile(r"(\w+__)?(workspace|user|owner|actor|started_by)(_id)?(__in)?"): "tenant filter",
    re.compile(r"(user__)?is_(active|staff|superuser)|(ended|revoked|used|accepted)_at|expires_at__gt"): "permission check",
    re.compile(r"lease_(epoch|holder)"): "epoch check",
}  # fmt: skip
QUERIES = {"filter", "get", "exclude", "Q"}
REFUSALS = {
    **dict.fromkeys(
        ("NotFound", "PermissionDenied", "NotAuthenticated", "SecondFactorRequired", "EnrolmentRequired",
         "ReauthenticationRequired", "sso_required", "ExpiredCredential", "refused_credential", "challenge_over",
         "SsoFailed", "refused", "none"),
        "permission check",
    ),
    "StaleLease": "epoch check",
}  # fmt: skip
#: Functions that answer whether somebody may.
ANSWERS = {
    "may_connect": "origin check",
    "_is_trusted": "origin check",
    "_may_open_admin": "origin check",
    "_reaches": "permission check",
    "allows_runs": "permission check",
    "allows_topic": "permission check",
}
ADMIN_ANSWER = re.compile(r"has_\w*permission")
#: What a view asks for, and what it would ask for with one guard less.
WEAKER = {"signed_in": "any_credential", "any_credential": "anyone"}
RULES = {"access_q", "reach_q"}
#: Conditions of statements written by hand.
SQL = re.compile(
    r"(?:\w+\.)?(?P<column>workspace_id|user_id|owner_id|lease_epoch|lease_until|last_seq|ended_at|is_active|expires_at|\{\})"
    r" (?:IS NULL|[=<>] (?:%s|%\(\w+\)s|\{\w+\}))"
)
SQL_KINDS = {"lease": "epoch check", "last": "epoch check", "ended": "permission check", "is": "permission check",
             "expires": "permission check"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """One guard. Its `name` holds no number of a line, which every edit above it would change."""

    path: str
    line: int
    what: str
    name: str
    at_import: bool
    """Whether it is read when its module is imported, so that it cannot be taken out later."""

    @property
    def kind(self) -> str:
        return " ".join(self.what.split()[:2])


class Guards(ast.NodeTransformer):
    """Visits a module: lists its guards, and makes each one that `__out__(name)` can take out while the module is used."""

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.found: list[Site] = []
        self._lines = source.splitlines()
        self._names: Counter[str] = Counter()
        self._within: list[str] = []

    def _site(self, node: ast.expr | ast.stmt, what: str, *, at_import: bool | None = None) -> str:
        name = f"{self.path} {what}: {self._lines[node.lineno - 1].strip()}"
        self._names[name] += 1
        if (number := self._names[name]) > 1:
            name += f" ({number})"
        at_import = not self._within if at_import is None else at_import
        self.found.append(Site(self.path, node.lineno, what, name, at_import))
        return name

    def _unless_out(self, node: ast.expr, what: str, now: ast.expr, instead: ast.expr) -> ast.expr:
        """`instead if __out__(name) else now`"""
        return _located(ast.IfExp(_is_out(self._site(node, what)), instead, now), node)

    def _statement_unless_out(self, node: ast.stmt, what: str, now: ast.stmt) -> ast.stmt:
        return _located(ast.If(ast.UnaryOp(ast.Not(), _is_out(self._site(node, what))), [now], []), node)

    # --- what is declared -----------------------------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """`permissions = {"GET": …}`: what a view asks for."""
        for line in node.body:
            if isinstance(line, ast.Assign) and _name(line.targets[0]) == "permissions":
                line.value = self._permissions(line.value)
        return self.generic_visit(node)

    def _permissions(self, value: ast.expr) -> ast.expr:
        """`__asked__({"GET": …}, {"GET": (guard, what it would ask for without)})`"""
        if isinstance(value, ast.Dict):
            asks = [
                (key.value, asked)
                for key, asked in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        elif isinstance(value, ast.Call) and ast.unparse(value.func) == "dict.fromkeys":
            asks = [(method, value.args[1]) for method in ast.literal_eval(value.args[0])]
        else:
            return value
        weaker = {}
        for method, asked in asks:
            less = "any_credential" if isinstance(asked, ast.Attribute) else WEAKER.get(ast.unparse(asked).strip("'"))
            if less is not None:
                weaker[method] = self._site(asked, f"permission check of a view, {method}", at_import=False), less
        second = ast.parse(repr(weaker), mode="eval").body
        return _located(ast.Call(ast.Name("__asked__", ast.Load()), [value, second], []), value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self._decorator(one) for one in node.decorator_list]
        self._within.append(node.name)
        self.generic_visit(node)
        for index, line in enumerate(node.body):  # what is left for whom nothing above let through
            if isinstance(line, ast.Raise) and line.exc is not None and len(node.body) > 1:
                kind = REFUSALS.get(_called(line.exc))
                if kind is not None:
                    node.body[index] = self._statement_unless_out(line, f"{kind} last raise {_called(line.exc)}", line)
        self._within.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._within.append("")
        self.generic_visit(node)
        self._within.pop()
        return node

    def _decorator(self, node: ast.expr) -> ast.expr:
        """`@action("…", requires=P.X)` becomes `@__either__(guard, action("…", requires=None), action(…))`."""
        if not isinstance(node, ast.Call) or _name(node.func) != "action":
            return node
        without = [
            ast.keyword("requires", ast.Constant(None))
            if one.arg == "requires" and not isinstance(one.value, ast.Constant)
            else one
            for one in node.keywords
        ]
        if without == node.keywords:
            return node
        name = ast.Constant(self._site(node, "permission check requires", at_import=False))
        both = [ast.Call(node.func, node.args, without), node]
        return _located(ast.Call(ast.Name("__either__", ast.Load()), [name, *both], []), node)

    # --- statements -----------------------------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Constant):  # a docstring
            return node
        kind = CALLS.get(_called(call)) if isinstance(call, ast.Call) else None
        if kind is None:
            return self.generic_visit(node)
        return self._statement_unless_out(node, f"{kind} {_called(call)}", node)

    def visit_If(self, node: ast.If) -> ast.AST:
        """`if …: raise NotFound()`, or what returns a refusal."""
        last = node.body[-1]
        refusal = last.exc if isinstance(last, ast.Raise) else last.value if isinstance(last, ast.Return) else None
        kind = REFUSALS.get(_called(refusal)) if refusal is not None else None
        self.generic_visit(node)
        if kind is not None and refusal is not None:
            how = "raise" if isinstance(last, ast.Raise) else "return"
            node.test = self._unless_out(node.test, f"{kind} {how} {_called(refusal)}", node.test, ast.Constant(False))
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """An object rule that reaches everything; an answer that is always yes."""
        says = node.value and ast.unparse(node.value)
        self.generic_visit(node)
        if node.value is None or not self._within:
            return node
        if set(self._within) & RULES and says != "models.Q()":
            everything = ast.parse("models.Q()", mode="eval").body
            node.value = self._unless_out(node.value, "tenant filter object rule", node.value, everything)
        answers = self._within[-1]
        kind = ANSWERS.get(answers) or ("permission check" if ADMIN_ANSWER.fullmatch(answers) else None)
        if kind is not None and says != "True":
            node.value = self._unless_out(node.value, f"{kind} answer of {answers}", node.value, ast.Constant(True))
        return node

    # --- expressions ----------------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.AST:
        asked = ast.unparse(node.args[0]).lower() if len(node.args) == 1 else ""
        self.generic_visit(node)
        called = _called(node)
        if called == "visible_to" and len(node.args) == 3:
            return self._unless_out(node, "tenant filter visible_to", node, node.args[2])
        if called in ANSWERS:
            return self._unless_out(node, f"{ANSWERS[called]} {called}", node, ast.Constant(True))
        if called == "has" and "permission" in asked:
            return self._unless_out(node, "permission check has", node, ast.Constant(True))
        changed: ast.expr = node
        # Outside of functions a Q is the condition of a constraint.
        for keyword in node.keywords if called in QUERIES and (called != "Q" or self._within) else ():
            kind = next((kind for pattern, kind in NARROWING.items() if pattern.fullmatch(keyword.arg or "")), None)
            if kind is not None:
                kept = [one for one in node.keywords if one is not keyword]
                fewer: ast.expr = ast.Call(node.func, node.args, kept)
                if called == "Q" and not kept and not node.args:  # an empty Q says nothing, where this is to say yes
                    fewer = ast.Call(node.func, [], [ast.keyword("pk__isnull", ast.Constant(False))])
                changed = self._unless_out(node, f"{kind} {called} {keyword.arg}", changed, fewer)
        return changed

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """`permission in actor.permissions`; a lease of another epoch."""
        left, operator, right = ast.unparse(node.left), node.ops[0], _name(node.comparators[0])
        self.generic_visit(node)
        asked = right in ("permissions", "held") and re.search(r"ermission|required|reaches_all", left)
        if asked and isinstance(operator, ast.In | ast.NotIn):
            yes = ast.Constant(isinstance(operator, ast.In))
            return self._unless_out(node, f"permission check in {right}", node, yes)
        if isinstance(operator, ast.NotEq) and right == "epoch":
            return self._unless_out(node, "epoch check compare", node, ast.Constant(False))
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        node.values = [
            one if isinstance(one, ast.Constant | ast.FormattedValue) else _located(ast.FormattedValue(one, -1), node)
            for one in node.values
        ]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A condition inside a statement of SQL."""
        if not isinstance(node.value, str) or not re.search(r"WHERE |^AND ", node.value):
            return node
        changed: ast.expr = node
        for found in SQL.finditer(node.value, max(0, node.value.find("WHERE"))):
            kind = SQL_KINDS.get(found["column"].partition("_")[0], "tenant filter")
            without = node.value[: found.start()] + f"({found[0]} OR 1 = 1)" + node.value[found.end() :]
            changed = self._unless_out(node, f"{kind} SQL {found[0]}", changed, ast.Constant(without))
        return changed


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.AST) -> str:
    """The name of what is called, or raised without being called."""
    return _name(node.func if isinstance(node, ast.Call) else node)


def _is_out(name: str) -> ast.expr:
    return ast.Call(ast.Name("__out__", ast.Load()), [ast.Constant(name)], [])


def _located(node: T, where: ast.AST) -> T:
    return ast.fix_missing_locations(ast.copy_location(node, where))


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not LEFT_OUT.search(str(path)):
                yield path


def sites() -> list[Site]:
    """All guards, in the order of their files."""
    found: list[Site] = []
    for path in modules():
        source = path.read_text()
        guards = Guards(str(path.relative_to(ROOT)), source)
        guards.visit(ast.parse(source))
        found += guards.found
    return found
