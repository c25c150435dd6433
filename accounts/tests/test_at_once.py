"""Many at once: refreshes of one token, set-ups of one installation, guesses at one door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Installation, LoginSession, Membership, User, Workspace
from accounts.setup import issue_code
from accounts.tokens import read_refresh_token
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = "ann@example.com"
RIGHT = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def at_once(count: int, call: Callable[[int], int]) -> Counter[int]:
    """The statuses of as many calls in parallel."""

    def one(number: int) -> int:
        try:
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def test_incident_2_66_of_fifty_refreshes_at_once_one_works(ann: Api, nobody: Api) -> None:
    pair = nobody.post("auth/token/", RIGHT).data
    body = {"refresh": pair["refresh"]}
    statuses = at_once(50, lambda _: int(Api(None, "/api/v1/").post("auth/token/refresh/", body).status_code))
    assert statuses == {200: 1, 401: 49}
    assert Api(pair["access"], ann.base).get("/api/v1/me/").status_code == 401, "what came twice ends the sign-in"
    assert AuditEntry.objects.filter(kind="session.refresh_reused").count() == 1


def test_incident_2_66_fifty_tabs_of_one_browser_stay_signed_in(ann: Api) -> None:
    """Those that wake up together, and those that come while the first answers arrive, with either cookie."""
    browser = Client(headers={"X-AAP-Client": "web"})
    browser.post("/api/v1/auth/session/", RIGHT, content_type="application/json")
    (name,) = browser.cookies
    cookies = [browser.cookies[name].value]

    def tab(number: int) -> int:
        one = Client(headers={"X-AAP-Client": "web"})
        one.cookies[name] = cookies[-1] if number % 2 else cookies[0]
        answer = one.post("/api/v1/auth/session/refresh/", {}, content_type="application/json")
        if answer.status_code == 200:
            cookies.append(one.cookies[name].value)
        return int(answer.status_code)

    assert at_once(50, tab) == {200: 50}
    assert len({read_refresh_token(cookie)[1] for cookie in cookies}) == 2, "one rotation for all of them"
    LoginSession.objects.update(rotated_at=now() - timedelta(minutes=1))
    assert tab(1) == 200
    assert tab(0) == 401, "long afterwards the old cookie is a theft"
    assert tab(1) == 401


def test_the_first_set_up_cannot_be_raced(nobody: Api) -> None:
    Installation.objects.all().delete()
    code = issue_code()

    def come(number: int) -> int:
        body = {"code": code, "email": f"p{number}@example.com", "password": PASSWORD, "workspace": f"W{number}"}
        return int(Api(None, "/api/v1/").post("setup/", body).status_code)

    assert at_once(12, come) == {201: 1, 409: 11}
    assert (User.objects.count(), Workspace.objects.count(), Membership.objects.count()) == (1, 1, 1)


def test_incident_2_16_guesses_that_come_together_are_all_counted(ann: Api, settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    wrong = {"email": EMAIL, "password": "wrong-password-1"}
    statuses = at_once(20, lambda _: int(Api(None, "/api/v1/").post("auth/token/", wrong).status_code))
    assert set(statuses) == {401, 429} and statuses[401] <= 11, statuses


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("auth/token/", {"email": EMAIL, "password": "wrong-password-1"}),
        ("auth/token/second-factor/", {"challenge": "guess", "method": "totp", "response": "000000"}),
        ("auth/password/reset/confirm/", {"token": "guess", "password": PASSWORD}),
        ("auth/email/confirm/", {"token": "guess"}),
        ("invitations/accept/", {"token": "guess"}),
        ("invitations/look/", {"token": "guess"}),
        ("me/reauthenticate/", {"password": "wrong-password-1"}),
        ("me/password/", {"current_password": "wrong-password-1", "new_password": "another-staple-9"}),
    ],
)
def test_incident_2_16_every_way_in_is_braked(ann: Api, nobody: Api, settings: Any, path: str, body: Any) -> None:
    settings.RATE_LIMITS = "0.1"
    api = ann if path.startswith("me/") else nobody
    answers = [api.post(f"/api/v1/{path}", body) for _ in range(14)]
    codes = [answer.data["code"] for answer in answers]
    assert answers[0].status_code in (400, 401) and "too_many_attempts" in codes, codes
    assert answers[-1].status_code == 429 and int(answers[-1]["Retry-After"]) > 0


@pytest.mark.slow
def test_a_group_that_is_deleted_while_others_use_it_breaks_nobodys_request(
    owner: Api, workspace: Any, make_person: Any, agent: dict[str, Any]
) -> None:
    """Put into it, given something, renamed, taken away: each gets through or is told that it is gone."""
    people = [make_person(workspace, "user") for _ in range(3)]
    for number in range(5):
        group = owner.post("groups/", {"name": f"G{number}"}).data["id"]
        add = [("POST", f"groups/{group}/members/", {"user": one.person.id}) for one in people]
        calls: list[tuple[str, str, Any]] = [
            *add,
            ("DELETE", f"groups/{group}/", None),
            ("PATCH", f"groups/{group}/", {"name": f"New{number}"}),
            ("PUT", f"agents/{agent['id']}/grants/{group}/", {"level": "view"}),
        ]

        def call(at: int, calls: list[tuple[str, str, Any]] = calls) -> int:
            method, path, body = calls[at]
            return int(Api(owner.token, owner.base).call(method, path, body, If_Match="*").status_code)

        statuses = at_once(len(calls), call)
        assert set(statuses) <= {200, 201, 204, 400, 404} and statuses[204] == 1, statuses
        assert owner.get(f"groups/{group}/").status_code == 404


@pytest.mark.slow
def test_of_several_who_change_one_group_by_one_version_one_does(owner: Api) -> None:
    made = owner.post("groups/", {"name": "G"})
    path, tag = f"groups/{made.data['id']}/", made["ETag"]

    def call(number: int) -> int:
        return int(Api(owner.token, owner.base).patch(path, {"name": f"N{number}"}, If_Match=tag).status_code)

    assert at_once(6, call) == {200: 1, 412: 5}


@pytest.mark.slow
def test_a_token_that_is_narrowed_by_several_keeps_what_all_left_it(owner: Api, agent: dict[str, Any]) -> None:
    token = owner.post("api-tokens/", {"name": "T", "scopes": ["agent.run", "agent.view", "run.view"]}).data["id"]
    bodies: list[dict[str, Any]] = [{"scopes": ["agent.view"]}, {"scopes": ["run.view"]}, {"objects": [agent["id"]]}]

    def call(number: int) -> int:
        api = Api(owner.token, owner.base)
        return int(api.patch(f"api-tokens/{token}/", bodies[number % 3]).status_code)

    statuses = at_once(6, call)
    row = owner.get(f"api-tokens/{token}/").data
    assert statuses == {200: 4, 400: 2}, "who asked for more than was left is refused"
    assert row["objects"] == [agent["id"]] and row["scopes"] in (["agent.view"], ["run.view"])
