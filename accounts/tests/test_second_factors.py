"""Second factors through the doors: set up, asked for at every way in, used once, taken away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from accounts.models import FactorChallenge, LoginSession, User
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.security_key import SecurityKey, totp

EMAIL = "ann@example.com"
RIGHT = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def ann(make_person: Any, workspace: Any, settings: Any) -> Api:
    settings.PUBLIC_URL = "https://agents.example.com"
    api: Api = make_person(workspace, "owner", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def add_app(api: Api) -> tuple[str, list[str]]:
    """(the app's address, the recovery codes)"""
    begun = api.post("/api/v1/me/second-factors/begin/", {"method": "totp"})
    assert begun.status_code == 200, begun.content
    assert begun.data["secret"] in begun.data["uri"] and begun.data["qr_svg"].startswith("<?xml")
    # The step before: the present one is still to be used.
    body = {"challenge": begun.data["challenge"], "response": totp(begun.data["uri"], steps=-1)}
    added = api.post("/api/v1/me/second-factors/", body)
    assert added.status_code == 201, added.content
    return begun.data["uri"], added.data["recovery_codes"]


def add_key(api: Api, key: SecurityKey, name: str = "Blue key") -> Any:
    begun = api.post("/api/v1/me/second-factors/begin/", {"method": "webauthn"}).data
    body = {"challenge": begun["challenge"], "response": key.create(begun["webauthn"]), "name": name}
    return api.post("/api/v1/me/second-factors/", body)


def asked(nobody: Api) -> Any:
    answer = nobody.post("auth/token/", RIGHT)
    assert (answer.status_code, answer.data["code"]) == (401, "second_factor_required"), answer.content
    return answer.data


def answered(nobody: Api, challenge: str, method: str, response: Any) -> Any:
    return nobody.post("auth/token/second-factor/", {"challenge": challenge, "method": method, "response": response})


def test_codes_of_an_app(ann: Api, nobody: Api) -> None:
    other = nobody.post("auth/token/", RIGHT).data["access"]
    uri, codes = add_app(ann)
    assert len(set(codes)) == 10
    assert ann.get("/api/v1/me/").data["second_factor"] == {"enrolled": True, "required": False}
    assert Api(other, ann.base).get("/api/v1/me/").status_code == 401, "changing factors ends the other sign-ins"
    due = asked(nobody)
    assert due["methods"] == ["totp", "recovery_code"] and due["webauthn"] is None
    assert "access" not in due and "refresh" not in due
    wrong = answered(nobody, due["challenge"], "totp", "000000")
    assert (wrong.status_code, wrong.data["code"]) == (401, "wrong_second_factor")
    code = totp(uri)
    done = answered(nobody, due["challenge"], "totp", code)
    assert done.status_code == 200, done.content
    assert Api(done.data["access"], ann.base).get("agents/").status_code == 200
    again = answered(nobody, due["challenge"], "totp", code)
    assert (again.status_code, again.data["code"]) == (401, "challenge_over")
    once = answered(nobody, asked(nobody)["challenge"], "totp", code)
    assert (once.status_code, once.data["code"]) == (401, "wrong_second_factor"), "a code is good once"
    (row,) = Authenticator.objects.filter(type="totp")
    assert row.data["secret"].startswith("enc:v1:")
    assert AuditEntry.objects.filter(kind="second_factor.add").count() == 1


def test_recovery_codes_are_shown_once_and_used_once(ann: Api, nobody: Api) -> None:
    _, codes = add_app(ann)
    assert answered(nobody, asked(nobody)["challenge"], "recovery_code", codes[3]).status_code == 200
    assert answered(nobody, asked(nobody)["challenge"], "recovery_code", codes[3]).status_code == 401
    listed = ann.get("/api/v1/me/second-factors/").data
    assert listed["recovery_codes_left"] == 9 and not [code for code in codes if code in str(listed)]
    (seed,) = Authenticator.objects.filter(type="recovery_codes")
    assert seed.data["seed"].startswith("enc:v1:")
    fresh = ann.post("/api/v1/me/second-factors/recovery-codes/")
    assert len(fresh.data["recovery_codes"]) == 10 and not set(codes) & set(fresh.data["recovery_codes"])
    assert answered(nobody, asked(nobody)["challenge"], "recovery_code", codes[4]).status_code == 401


def test_a_security_key(ann: Api, nobody: Api) -> None:
    key = SecurityKey()
    added = add_key(ann, key)
    assert added.status_code == 201, added.content
    assert added.data["factor"]["name"] == "Blue key" and len(added.data["recovery_codes"]) == 10
    due = asked(nobody)
    assert due["methods"] == ["webauthn", "recovery_code"]
    strange = SecurityKey(id=key.id)
    assert answered(nobody, due["challenge"], "webauthn", strange.get(due["webauthn"])).status_code == 401
    elsewhere = SecurityKey(id=key.id, private=key.private, origin="https://evil.agents.example.com")
    assert answered(nobody, due["challenge"], "webauthn", elsewhere.get(due["webauthn"])).status_code == 401
    right = key.get(due["webauthn"])
    assert answered(nobody, due["challenge"], "webauthn", right).status_code == 200
    assert answered(nobody, asked(nobody)["challenge"], "webauthn", right).status_code == 401, "another challenge"
    due = asked(nobody)
    copy = key.get(due["webauthn"], counts=False)
    assert answered(nobody, due["challenge"], "webauthn", copy).status_code == 401, "its counter stands still: a copy"


def test_a_factor_gets_another_name_and_nothing_else(ann: Api, nobody: Api, make_person: Any, workspace: Any) -> None:
    key = SecurityKey()
    factor = add_key(ann, key).data["factor"]
    place = f"/api/v1/me/second-factors/{factor['id']}/"
    renamed = ann.patch(place, {"name": " Red key "})
    assert renamed.status_code == 200 and renamed.data == {**factor, "name": "Red key"}
    assert [one["name"] for one in ann.get("/api/v1/me/second-factors/").data["results"]] == ["Red key"]
    assert AuditEntry.objects.filter(kind="second_factor.rename", target_id=ann.person.pk).count() == 1
    due = asked(nobody)
    assert answered(nobody, due["challenge"], "webauthn", key.get(due["webauthn"])).status_code == 200, "it still opens"
    for body in ({}, {"name": ""}, {"name": "x" * 61}, {"name": 7}, {"name": "Other", "data": {}}):
        assert ann.patch(place, body).status_code == 400, body
    assert make_person(workspace, "owner").patch(place, {"name": "Mine"}).status_code == 404


HOSTILE: list[Any] = [
    None, 7, [], {}, {"id": 1}, {"id": "x", "rawId": "x", "type": "public-key", "response": {}}, "\x00", "é" * 10,
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {
        "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AA"}},
    {"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "////", "authenticatorData": 5, "signature": []}},
]  # fmt: skip


def test_hostile_answers_are_wrong_answers(ann: Api, nobody: Api) -> None:
    add_key(ann, SecurityKey())
    due = asked(nobody)["challenge"]
    for method in ("totp", "webauthn", "recovery_code", "sms"):
        for response in HOSTILE:
            answer = answered(nobody, due, method, response)
            assert answer.status_code in (400, 401), (method, response, answer.content)
            assert answer.data["code"] != "challenge_over" and "access" not in answer.data
            FactorChallenge.objects.update(attempts=0)


def test_a_challenge_is_for_one_door_one_purpose_a_few_tries_and_a_short_while(ann: Api, nobody: Api) -> None:
    uri, _ = add_app(ann)
    due = asked(nobody)["challenge"]
    web = Client(headers={"X-AAP-Client": "web"})
    body = {"challenge": due, "method": "totp", "response": totp(uri)}
    assert web.post("/api/v1/auth/session/second-factor/", body, content_type="application/json").status_code == 401
    assert ann.post("/api/v1/me/reauthenticate/", body).status_code == 401
    for _ in range(5):
        assert answered(nobody, due, "totp", "000000").status_code == 401
    assert answered(nobody, due, "totp", totp(uri)).data["code"] == "challenge_over"
    due = asked(nobody)["challenge"]
    FactorChallenge.objects.update(expires_at=now())
    assert answered(nobody, due, "totp", totp(uri)).data["code"] == "challenge_over"
    for nonsense in ("", "x", due[:-1], "\x00"):
        assert answered(nobody, nonsense, "totp", totp(uri)).status_code in (400, 401)


def test_a_password_alone_opens_no_door(ann: Api, nobody: Api) -> None:
    """Every way in, for somebody who has a second factor."""
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    uri, _ = add_app(ann)
    sessions = LoginSession.objects.count()
    assert nobody.post("auth/token/", RIGHT).status_code == 401
    web = Client(headers={"X-AAP-Client": "web"})
    refused = web.post("/api/v1/auth/session/", RIGHT, content_type="application/json")
    assert refused.status_code == 401 and not refused.cookies
    browser = Client()
    form = {"username": EMAIL, "password": PASSWORD, "next": "/admin/"}
    page = browser.post("/admin/login/?next=/admin/", form)
    assert page.status_code == 200 and "second factor" in page.content.decode()
    assert browser.get("/admin/").status_code == 302
    assert LoginSession.objects.count() == sessions
    challenge = page.context["form"].asked.challenge
    wrong = browser.post("/admin/login/?next=/admin/", {"challenge": challenge, "method": "totp", "response": "000000"})
    assert wrong.status_code == 200 and wrong.context["form"].asked.challenge == challenge
    step = {"challenge": challenge, "method": "totp", "response": totp(uri), "next": "/admin/"}
    done = browser.post("/admin/login/?next=/admin/", step)
    assert (done.status_code, done["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200
    answer = refused.json()
    body = {"challenge": answer["challenge"], "method": "totp", "response": totp(uri, steps=1)}
    let_in = web.post("/api/v1/auth/session/second-factor/", body, content_type="application/json")
    assert let_in.status_code == 200 and let_in.cookies
    assert (
        Client().post("/api/v1/auth/session/second-factor/", body, content_type="application/json").status_code == 403
    )
    assert set(LoginSession.objects.filter(second_factor=True).values_list("client", flat=True)) >= {"admin", "web"}


def test_a_security_key_opens_the_admin(ann: Api) -> None:
    import json

    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    key = SecurityKey()
    add_key(ann, key)
    browser = Client()
    page = browser.post("/admin/login/?next=/admin/", {"username": EMAIL, "password": PASSWORD, "next": "/admin/"})
    form = page.context["form"]
    step = {
        "challenge": form.asked.challenge,
        "method": "webauthn",
        "options": form.asked.webauthn_json,
        "next": "/admin/",
    }
    for nonsense in ("", "{", "[]", '"x"', "[" * 5000, "\x00"):
        assert browser.post("/admin/login/?next=/admin/", {**step, "response": nonsense}).status_code == 200
        FactorChallenge.objects.update(attempts=0)
    answer = json.dumps(key.get(form.asked.webauthn))
    assert browser.post("/admin/login/?next=/admin/", {**step, "response": answer}).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_dangerous_changes_need_a_fresh_proof(ann: Api) -> None:
    uri, _ = add_app(ann)
    (factor,) = ann.get("/api/v1/me/second-factors/").data["results"]
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    for method, path, body in (
        ("POST", "begin/", {"method": "webauthn"}),
        ("POST", "recovery-codes/", {}),
        ("DELETE", f"{factor['id']}/", None),
    ):
        answer = ann.call(method, f"/api/v1/me/second-factors/{path}", body)
        assert (answer.status_code, answer.data["code"]) == (403, "reauthentication_required"), path
    assert ann.post("/api/v1/me/reauthenticate/", {"password": "wrong-one-1234"}).status_code == 400
    assert ann.post("/api/v1/me/reauthenticate/", {"password": " "}).status_code == 400
    due = ann.post("/api/v1/me/reauthenticate/", {"password": PASSWORD})
    assert (due.status_code, due.data["code"]) == (401, "second_factor_required")
    assert ann.delete(f"/api/v1/me/second-factors/{factor['id']}/").status_code == 403, "not by the password alone"
    body = {"challenge": due.data["challenge"], "method": "totp", "response": totp(uri)}
    assert ann.post("/api/v1/me/reauthenticate/", {**body, "password": PASSWORD}).status_code == 400
    assert ann.post("/api/v1/me/reauthenticate/", body).status_code == 200
    assert ann.delete(f"/api/v1/me/second-factors/{factor['id']}/").status_code == 204
    assert not Authenticator.objects.exists(), "recovery codes go with the last factor"
    assert ann.get("/api/v1/me/").data["second_factor"]["enrolled"] is False


def test_a_workspace_asks_for_one_and_who_lacks_it_can_only_set_it_up(
    ann: Api, nobody: Api, make_person: Any, workspace: Any
) -> None:
    bo = make_person(workspace, "user")
    locked_out = ann.patch("", {"require_second_factor": True})
    assert (locked_out.status_code, locked_out.data["code"]) == (409, "no_second_factor")
    add_app(ann)
    assert bo.get("agents/").status_code == 200
    assert ann.patch("", {"require_second_factor": True}).status_code == 200
    assert ann.get("agents/").status_code == 200
    for path in ("agents/", "members/", ""):
        refused = bo.get(path)
        assert (refused.status_code, refused.data["code"]) == (403, "second_factor_enrolment_required")
    assert bo.get("/api/v1/me/").data["second_factor"] == {"enrolled": False, "required": True}
    add_app(bo)
    assert bo.get("agents/").status_code == 200
    (factor,) = ann.get("/api/v1/me/second-factors/").data["results"]
    last = ann.delete(f"/api/v1/me/second-factors/{factor['id']}/")
    assert (last.status_code, last.data["code"]) == (409, "last_second_factor")
    stranger = make_person()
    assert stranger.get(f"/api/v1/workspaces/{workspace.slug}/agents/").status_code == 404


def test_the_operator_asks_everybody_for_one(ann: Api, settings: Any) -> None:
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    inside = Client()
    inside.force_login(User.objects.get(pk=ann.person.pk))
    assert inside.get("/admin/").status_code == 200
    settings.REQUIRE_SECOND_FACTOR = True
    assert ann.get("agents/").data["code"] == "second_factor_enrolment_required"
    assert inside.get("/admin/").status_code == 302, "sign-ins from before do not get round it"
    page = Client().post("/admin/login/?next=/admin/", {"username": EMAIL, "password": PASSWORD})
    assert page.status_code == 200 and "Set one up" in page.content.decode()
    add_app(ann)
    assert ann.get("agents/").status_code == 200


def test_an_operator_resets_somebodys_factors(ann: Api, nobody: Api, db: None) -> None:
    add_app(ann)
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    body = {"action": "reset_second_factors", "_selected_action": [ann.person.pk]}
    assert "reset" in operator.post("/admin/accounts/user/", body, follow=True).content.decode()
    assert ann.get("/api/v1/me/").status_code == 401
    assert nobody.post("auth/token/", RIGHT).status_code == 200
    (entry,) = AuditEntry.objects.filter(kind="user.reset_second_factors")
    assert entry.target_id == ann.person.pk and entry.data["removed"] == 1


def test_somebody_elses_factor_is_not_there(ann: Api, make_person: Any, workspace: Any) -> None:
    add_app(ann)
    (factor,) = ann.get("/api/v1/me/second-factors/").data["results"]
    bo = make_person(workspace, "owner")
    for name in (factor["id"], "fac_0", "fac_x", "fac_" + "9" * 30, "usr_x", "%00"):
        assert bo.delete(f"/api/v1/me/second-factors/{name}/").status_code in (400, 404), name


def test_an_enrolment_belongs_to_its_session(ann: Api, make_person: Any, workspace: Any) -> None:
    bo = make_person(workspace, "owner")
    begun = ann.post("/api/v1/me/second-factors/begin/", {"method": "totp"}).data
    body = {"challenge": begun["challenge"], "response": totp(begun["uri"])}
    assert bo.post("/api/v1/me/second-factors/", body).status_code == 400
    wrong = ann.post("/api/v1/me/second-factors/", {**body, "response": "000000"})
    assert wrong.data["errors"][0]["field"] == "response"
    assert ann.post("/api/v1/me/second-factors/", body).status_code == 201
    assert ann.post("/api/v1/me/second-factors/", body).status_code == 400
    assert ann.post("/api/v1/me/second-factors/begin/", {"method": "totp"}).data["code"] == "already_set_up"


def test_incident_2_16_guessing_codes_is_slow(ann: Api, nobody: Api, settings: Any) -> None:
    _, codes = add_app(ann)
    settings.RATE_LIMITS = "1"
    statuses = []
    for _ in range(4):
        due = nobody.post("auth/token/", RIGHT)
        statuses += [answered(nobody, due.data["challenge"], "totp", "000000").status_code for _ in range(5)]
    assert 429 in statuses and statuses.index(429) == 10
    due = asked(nobody)
    far = nobody.call(
        "POST",
        "auth/token/second-factor/",
        {"challenge": due["challenge"], "method": "recovery_code", "response": codes[0]},
    )
    assert far.status_code == 429


@pytest.mark.django_db(transaction=True)
def test_a_code_opens_one_session_however_many_come_with_it(ann: Api, nobody: Api) -> None:
    uri, codes = add_app(ann)
    sessions = LoginSession.objects.count()
    for method, code in (("totp", totp(uri)), ("recovery_code", codes[0])):
        challenges = [asked(nobody)["challenge"] for _ in range(8)]

        def come(challenge: str, method: str = method, code: str = code) -> int:
            try:
                return int(answered(Api(None, "/api/v1/"), challenge, method, code).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(come, challenges))
        assert statuses == [200] + [401] * 7, (method, statuses)
    assert LoginSession.objects.count() == sessions + 2
