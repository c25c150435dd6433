"""What a test reaches besides the product's doors, read from its code: whether it can be run against another process.

Looked at are the test, the fixtures that it asks for, and whatever of the tests' own code these name.
"""

from __future__ import annotations

import dis
import enum
import importlib
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

PRODUCT = ("accounts", "agents", "audit", "core", "jobs", "limits", "llm_providers", "platform_site", "privacy")
#: Fixtures that change or look into the process which they run in.
OF_THIS_PROCESS = {
    "caplog": "reads its own log",
    "capsys": "reads its own output",
    "django_assert_max_num_queries": "counts its own queries",
    "django_assert_num_queries": "counts its own queries",
    "mailoutbox": "reads its own mails",
    "module_db": "rolls its transaction back",
    "monkeypatch": "changes its own process",
    "settings": "changes its own settings",
}
#: Names of Django's test client, and of other ways into the process, that no wire has.
OF_THE_CLIENT = {
    "CaptureQueriesContext": "counts its own queries",
    "REMOTE_ADDR": "comes from an address that it makes up",
    "Undone": "rolls its transaction back",
    "call_command": "calls the product's code itself",
    "context": "looks into a template",
    "executable": "starts processes of its own",
    "override_settings": "changes its own settings",
    "resolver_match": "looks into the router",
    "set_rollback": "rolls its transaction back",
    "time_machine": "travels in time",
    "triggers_aside": "breaks into the database",
    "wsgi_request": "looks into the request",
}
#: And of a product that a test starts itself.
OF_THE_PRODUCT = dict.fromkeys(("kill", "log", "port", "process"), "looks at the one process that does everything")
#: The product's code that a test may call and be run against other processes: values, and what an operator's command or
#: admin page does in a process of its own, all of whose effect lies in rows.
ROWS_AND_VALUES = {
    "accounts.groups.remove_from_group",
    "accounts.members.change_role",
    "accounts.operations.save_person",
    "accounts.selectors.tokens_visible_to",
    "accounts.service_accounts.update_service_account",
    "accounts.sessions.open_session",
    "accounts.setup.free_slug",
    "accounts.sso.domains.approve_domain",
    "accounts.tokens.mint_tokens",
    "accounts.tokens.read_refresh_token",
    "audit.sealing.seal_entries",
    "audit.sealing.waiting_seconds",
    "audit.verify.verify",
    "core.authz.Actor",
    "core.clock.now",
    "core.db.in_db",
    "core.ids.new_id",
    "core.money.Money",
    "core.money.money_json",
}
KNOCKS = {"client", "make_person", "nobody", "owner", "product"}


def is_of_tests(module: str) -> bool:
    """What is in tests/fixtures makes the world in which they take place, and is not looked at."""
    if module.startswith("tests.fixtures.") or module == __name__:
        return False
    return module.startswith("tests.") or ".tests." in module


def is_of_product(module: str) -> bool:
    return module.partition(".")[0] in PRODUCT and ".tests." not in module


def fixtures_of(item: Any) -> dict[str, Any]:
    """Those that the test asks for, itself or through others, and those that its module has for all; name -> function."""
    information = item._fixtureinfo
    known = information.name2fixturedefs
    todo = [
        name
        for name in information.initialnames
        if name in information.argnames or _is_of_module(item, known.get(name))
    ]
    todo += [name for mark in item.iter_markers("usefixtures") for name in mark.args]
    found: dict[str, Any] = {}
    while todo:
        name = todo.pop()
        if name not in found:
            definitions = known.get(name, ())
            found[name] = definitions[-1].func if definitions else None
            todo += [other for definition in definitions[-1:] for other in definition.argnames]
    return found


def _is_of_module(item: Any, definitions: Any) -> bool:
    return bool(definitions) and definitions[-1].func.__module__ == item.module.__name__


def reasons_to_stay(item: Any) -> set[str]:
    """Why the test says nothing about another process; empty: it can go through a real door."""
    fixtures = fixtures_of(item)
    found = {OF_THIS_PROCESS[name] for name in fixtures if name in OF_THIS_PROCESS}
    of_names = {**OF_THE_CLIENT, **OF_THE_PRODUCT} if "product" in fixtures else OF_THE_CLIENT
    for kind, name in _reached(item.function, fixtures):
        if kind == "name" and name in of_names:
            found.add(of_names[name])
        elif kind == "product" and name not in ROWS_AND_VALUES:
            found.add("calls the product's code itself")
    return found


def knocks(item: Any) -> bool:
    """Whether it asks anything of the product over HTTP."""
    if not isinstance(item, pytest.Function):
        return False
    fixtures = fixtures_of(item)
    return bool(KNOCKS & set(fixtures)) or ("door", "Client") in _reached(item.function, fixtures)


def _reached(test: Any, fixtures: dict[str, Any]) -> set[tuple[str, str]]:
    """("product", path), ("name", attribute or keyword), ("door", "Client")."""
    from django.db.models import Model

    from tests.fixtures.doors import Client

    found: set[tuple[str, str]] = set()
    seen: set[int] = set()
    todo = [test]
    for function in fixtures.values():
        if function is not None and is_of_tests(function.__module__):
            todo.append(function)
    while todo:
        function = _plain(todo.pop())
        if function is None or id(function) in seen:
            continue
        seen.add(id(function))
        for code in _codes(function.__code__):
            found |= {("name", name) for name in _words(code)}
        for thing in _named(function):
            if thing is Client:
                found.add(("door", "Client"))
                continue
            module = thing.__name__ if isinstance(thing, ModuleType) else str(getattr(thing, "__module__", ""))
            if is_of_tests(module) and not isinstance(thing, ModuleType):
                todo += _functions_of(thing) if isinstance(thing, type) else [thing] if callable(thing) else []
            elif is_of_product(module) and (callable(thing) or isinstance(thing, ModuleType)):
                harmless = isinstance(thing, type) and issubclass(thing, (Model, enum.Enum, BaseException))
                if not harmless:
                    found.add(("product", f"{module}.{getattr(thing, '__name__', '*')}"))
    return found


def _plain(function: Any) -> Any:
    function = inspect.unwrap(getattr(function, "func", function))
    function = getattr(function, "__func__", function)
    return function if isinstance(function, FunctionType) else None


def _functions_of(kind: type) -> list[Any]:
    found = []
    for value in vars(kind).values():
        value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(value, FunctionType):
            found.append(value)
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _words(code: CodeType) -> Iterator[str]:
    """Attributes, keywords and short texts."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from (one for one in constant if isinstance(one, str))


def _named(function: FunctionType) -> Iterator[Any]:
    """What the code names outside of itself: globals, what hangs on modules, and what it imports on the spot."""
    for code in _codes(function.__code__):
        steps = list(dis.get_instructions(code))
        for number, step in enumerate(steps):
            rest = steps[number + 1 :]
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                thing = function.__globals__.get(step.argval)
                for after in rest:
                    if not isinstance(thing, ModuleType) or after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                        break
                    thing = getattr(thing, after.argval, None)
                if thing is not None:
                    yield thing
            elif step.opname == "IMPORT_NAME":
                module = sys.modules.get(step.argval) or importlib.import_module(step.argval)
                for after in rest:
                    if after.opname == "IMPORT_FROM":
                        if not hasattr(module, after.argval):
                            importlib.import_module(f"{step.argval}.{after.argval}")
                        yield getattr(module, after.argval)
                    elif not after.opname.startswith("STORE_"):
                        break
