"""What went wrong in products like this one, tried on ours through its doors. docs/incidents.md lists every row.

Rows with much of a set-up of their own stand beside what they are about.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from core.ids import new_id
from tests.architecture.test_routes import ROUTES
from tests.fixtures.doors import Client
from tests.fixtures.people import Api

API = "api/v1/"
SPACE = "api/v1/workspaces/<str:workspace>/"


def fill(route: str, value: str) -> str:
    """The path of a route, with `value` for each of its parameters."""
    found = route.replace("<int:number>", "1")
    while "<str:" in found:
        before, _, rest = found.partition("<str:")
        found = before + value + rest.partition(">")[2]
    return found


def methods(view: Any) -> set[str]:
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return set(cls.permissions) if cls is not None else {"GET"}


INSIDE = [
    (route.removeprefix(SPACE), methods(view))
    for route, view in ROUTES
    if route.startswith(SPACE) and not route.endswith("stream/")  # threads of its own: tests/flows/test_stream.py
]
POSTS = [route for route, view in ROUTES if route.startswith(API) and "POST" in methods(view)]


def test_incident_2_2_a_run_uses_what_is_stored(owner: Api, agent: dict[str, Any]) -> None:
    conversation = owner.post("conversations/", {"agent": agent["id"]}).data["id"]
    body = {"agent": agent["id"], "input": {"text": "Hi"}}
    for extra in ("definition", "tools", "model", "system_prompt", "instructions", "version", "provider"):
        for path, sent in (
            ("runs/", {**body, extra: "x"}),
            ("runs/", {**body, "input": {"text": "Hi", extra: "x"}}),
            (f"conversations/{conversation}/messages/", {"text": "Hi", extra: "x"}),
        ):
            answer = owner.post(path, sent)
            assert answer.status_code == 400, (path, extra, answer.content)
    assert owner.get("runs/").data["results"] == []


def test_incident_2_4_nobody_gets_in_before_the_set_up(db: None, nobody: Api) -> None:
    """On a database that was just made: no route has a credential for a stranger, and no account is there to guess."""
    from accounts import setup
    from accounts.models import LoginSession, User

    code = setup.issue_code()
    assert User.objects.count() == 0, "no account comes with the product"
    person = {"email": "me@example.com", "password": "a long enough one", "workspace": "Mine"}
    for route in sorted({route for route, _ in ROUTES if route.startswith(API)}):
        path = "/" + fill(route, "x")
        for answer in (
            nobody.get(path),
            nobody.post(path, {}),
            nobody.post(path, {"email": "a@b.cd", "password": "x"}),
        ):
            assert b"access" not in answer.content or answer.status_code >= 400, path
            assert not answer.cookies, path
    for wrong in ("", None, [], True, code[:-1], code + "x", code.swapcase(), f" {code[1:]}"):
        assert nobody.post("setup/", {**person, "code": wrong}).status_code in (400, 403), wrong
    assert (User.objects.count(), LoginSession.objects.count()) == (0, 0)
    assert nobody.post("setup/", {**person, "code": code}).status_code == 201
    assert nobody.post("setup/", {**person, "code": code}).status_code == 409


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("b" * 10_000_000, b""),
        ("b", b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n1\r\n' * 20_000 + b"--b--\r\n"),
        ("b", b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n' * 30_000 + b"--b--\r\n"),
        ("b", b"--b\r\n" + b"X: y\r\n" * 300_000),
    ],
    ids=["a boundary of 10 MB", "20,000 files", "30,000 fields", "a part of headers"],
)
def test_incident_2_7_forms_that_cost_a_lot(db: None, boundary: str, body: bytes) -> None:
    """The admin's sign-in is the one place that reads forms of strangers."""
    browser = Client(raise_request_exception=False)
    begun = time.process_time()
    answer = browser.generic("POST", "/admin/login/", body, content_type=f"multipart/form-data; boundary={boundary}")
    assert time.process_time() - begun < 1
    assert answer.status_code < 500
    assert answer.status_code >= 400 or not body, "what is too much is refused"


HOSTILE_IDS = (
    "..%2f..%2fplatform.sqlite3",
    "..%252f..%252fplatform.sqlite3",
    "%2e%2e",
    "..;",
    "%00",
    "a%0d%0aSet-Cookie:x=1",
    "%2e%2e%5cplatform.sqlite3",
    "' OR '1'='1",
    "agt_%",
    "_" * 30,
    "9" * 5000,
)


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_incident_2_10_an_id_is_never_a_path(owner: Api, hostile: str) -> None:
    for route, found in INSIDE:
        if "<str:" in route:
            for method in found - {"PATCH", "PUT"}:
                status = owner.call(method, owner.base + fill(route, hostile), {}).status_code
                assert status in (400, 404, 405, 415), (method, route, status)
    for method in ("GET", "POST"):
        assert owner.call(method, f"/{fill(SPACE, hostile)}agents/", {}).status_code in (400, 404)


AUTHORITY = {
    "password": "another long one",
    "is_staff": True,
    "is_superuser": True,
    "is_active": True,
    "groups": [1],
    "user_permissions": [1],
    "last_login": "2020-01-01T00:00:00Z",
    "workspace": "wsp_x",
    "tenant": "x",
    "role": "owner",
    "permissions": ["workspace.manage"],
    "kind": "service",
    "require_second_factor": False,
    "sso_required": False,
    "second_factor": False,
    "email": "other@example.com",
}


def test_incident_2_15_2_43_nobody_gives_themselves_authority(owner: Api, make_person: Any, workspace: Any) -> None:
    from accounts.models import Membership, User

    person = make_person(workspace, "user")
    member = Membership.objects.get(user=person.person)
    before = User.objects.filter(pk=person.person.pk).values().get()
    for name, value in AUTHORITY.items():
        answer = person.patch("/api/v1/me/", {"name": "New", name: value})
        assert (answer.status_code, answer.data["errors"][0]["code"]) == (400, "unknown_field"), name
        for path in (f"members/{member.pk}/", ""):
            assert person.patch(path, {name: value}, If_Match="*").status_code in (400, 403), (path, name)
        if name != "role":
            assert owner.patch(f"members/{member.pk}/", {name: value}).status_code == 400, name
    assert User.objects.filter(pk=person.person.pk).values().get() == before
    member.refresh_from_db()
    assert member.role == "user"


def test_incident_2_20_the_workspace_is_that_of_the_address(owner: Api, make_workspace: Any, make_person: Any) -> None:
    elsewhere = make_workspace("Elsewhere")
    stranger = make_person(elsewhere, "owner")
    names = ("workspace", "workspace_id", "tenant", "tenant_id", "account", "org")
    for name in names:
        for value in (elsewhere.id, elsewhere.slug):
            assert owner.get(f"agents/?{name}={value}").status_code == 400
            assert owner.post("agents/", {"name": "Mine", name: value}).status_code == 400
            header = {f"X_{name.title()}": value}
            made = owner.post("agents/", {"name": "Mine"}, **header)
            assert made.status_code == 201
            assert owner.get(f"agents/{made.data['id']}/", **header).status_code == 200
            assert owner.get(f"/api/v1/workspaces/{elsewhere.slug}/agents/", **header).status_code == 404
    assert stranger.get("agents/").data["results"] == []


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "text/plain", "application/xml"]
)
def test_incident_2_41_only_json_is_read(owner: Api, kind: str) -> None:
    """No form, no upload and no other language is taken by a route of the API, whatever it holds."""
    body = b'--b\r\nContent-Disposition: form-data; name="name"; filename="/etc/passwd"\r\n\r\nx\r\n--b--\r\n'
    slug = owner.base.split("/")[-2]
    for route in POSTS:
        if route.endswith("/acs/"):
            continue  # SAML's answers come in a form, as its standard says: accounts/tests/test_saml.py
        path = "/" + fill(route.replace("<str:workspace>", slug), "x")
        status = owner.call("POST", path, body, Content_Type=kind, X_AAP_Client="web").status_code
        assert status in (404, 415), (route, status)
    made = owner.post("agents/", {"name": "A", "files": {"filepath": "/etc/passwd"}, "path": "/etc/passwd"})
    assert {item["field"] for item in made.data["errors"]} == {"files", "path"}


KEYS = (
    "_connector=OR",
    "_negated=1",
    "owner__password__startswith=a",
    "workspace__members__user__email=x",
    "id__in=1",
    "pk=1",
    "ordering=password",
    "order_by=workspace.secret",
    "fields=password",
    "expand=owner",
    "q%00=1",
)


@pytest.mark.parametrize("key", KEYS)
def test_incident_2_56_filters_are_names_of_a_list(owner: Api, key: str) -> None:
    for route, found in INSIDE:
        if "GET" in found and "<" not in route:
            answer = owner.get(f"{route}?{key}")
            assert answer.status_code == 400, (route, key)


WHO = (
    "X-Forwarded-User",
    "X-Remote-User",
    "Remote-User",
    "X-User-Id",
    "X-User",
    "X-Auth-Request-Email",
    "X-Scopes",
    "X-API-Key",
    "Api-Key",
    "X-Forwarded-Access-Token",
    "X-Middleware-Subrequest",
)


def test_incident_2_62_2_65_no_header_but_one_says_who_it_is(owner: Api, nobody: Api) -> None:
    """Neither a name nor a good token under another name; nor the header that once switched a web client's checks off."""
    values = (owner.person.id, owner.person.email, str(owner.token), f"Bearer {owner.token}", "middleware:middleware")
    for name in WHO:
        for value in values:
            header = {name.replace("-", "_"): value}
            for path in ("/api/v1/me/", f"{owner.base}agents/", f"{owner.base}audit/"):
                assert nobody.get(path, **header).status_code == 401, (name, path)


def test_incident_3_2_being_away_for_long_loses_nothing(owner: Api, agent: dict[str, Any]) -> None:
    """What is missing is asked for by number: how long ago it happened is no part of the question."""
    from datetime import timedelta

    from agents.models import Run, RunEvent

    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"]
    whole = owner.get(f"runs/{run}/events/").data["results"]
    then = RunEvent.objects.filter(run_id=run).first().at - timedelta(hours=25)
    RunEvent.objects.filter(run_id=run).update(at=then)
    Run.objects.filter(pk=run).update(created_at=then)
    for seq in range(len(whole)):
        rest = owner.get(f"runs/{run}/events/?after={seq}").data["results"]
        assert [row["event"] for row in rest] == [row["event"] for row in whole[seq:]]


def test_incident_2_55_what_is_stored_is_data(owner: Api, agent: dict[str, Any]) -> None:
    """Descriptions of objects, as loaders of other products would build them, come back as the text and JSON they are."""
    crafted = {"lc": 2, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "id"}}
    for text in (
        json.dumps(crafted),
        "!!python/object/apply:os.system [id]",
        "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU",
    ):
        made = owner.post("agents/", {"name": "A", "instructions": text, "starters": [text]})
        draft = owner.get(f"agents/{made.data['id']}/").data["draft"]
        assert (draft["instructions"], draft["starters"]) == (text, [text])
        run = owner.post("runs/", {"agent": agent["id"], "input": {"text": text}}).data["id"]
        assert owner.get(f"runs/{run}/events/").data["results"][0]["event"]["input"]["text"] == text
    for name in ("input", "limits"):
        assert owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}, name: crafted}).status_code == 400
    assert owner.get(f"agents/{new_id('agt')}/").status_code == 404
