"""The operator admin as an operator and as everybody else: every page, every form, the audit entry of every change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LoginSession, Membership, User, Workspace
from audit.models import AuditEntry
from llm_providers.models import Provider
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api

KEY = "sk-canary-in-the-admin-0001"
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)


def address(model: Any, page: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def operator(db: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    return browser


@pytest.fixture
def fill(owner: Api, agent: dict[str, Any], may_reach: Callable[..., None]) -> Callable[[], None]:
    """Adds one of everything each time it is called."""
    may_reach("127.0.0.1:9")

    def add() -> None:
        number = Provider.objects.count()
        body = {
            "kind": "openai_compatible",
            "name": f"P{number}",
            "base_url": "http://127.0.0.1:9/v1",
            "api_key": KEY,
            "options": {"models": [f"m{number}"]},
        }
        made = owner.post("providers/", body)
        assert made.status_code in (201, 400), made.content
        started = owner.post("runs/", {"agent": agent["id"], "input": {"text": f"<script>alert({number})</script>"}})
        assert started.status_code == 202
        fresh = owner.post("agents/", {"name": f"A{number}", "model": agent["draft"]["model"]}).data["id"]
        assert owner.post(f"agents/{fresh}/publish/", {}).status_code == 201
        person = User.objects.create_user(f"p{number}@example.com", None)
        Membership.objects.create(workspace_id=Provider.objects.all()[0].workspace_id, user=person, role="user")

    return add


@models
def test_pages_are_for_operators_only(model: Any, make_person: Any, workspace: Any, nobody: Api) -> None:
    person = make_person(workspace, "owner").person
    browsers = [Client()]
    browsers.append(Client())
    browsers[-1].force_login(person)
    staff = User.objects.create_user("staff@example.com", PASSWORD, is_staff=True)
    half = Client()
    half.force_login(staff)
    for page in ("", "add/", "usr_x/change/", "usr_x/delete/", "usr_x/history/"):
        for browser in browsers:
            answer = browser.get(address(model, page))
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/?next=")
        assert half.get(address(model, page)).status_code in (302, 403), "staff without rights see nothing"
    answer = Client().get(address(model), headers={"Authorization": f"Bearer {make_person(workspace).token}"})
    assert answer.status_code == 302, "an API token opens no admin page"


@pytest.mark.slow
@models
def test_lists_and_pages_of_every_model(model: Any, operator: Client, fill: Any) -> None:
    fill()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = operator.get(address(model))
        assert answer.status_code == 200, answer.content[:500]
        return len(captured)

    queries()
    few = queries()
    for _ in range(4):
        fill()
    assert queries() <= few, "the number of questions grows with the rows"
    assert few <= 20
    assert operator.get(address(model, "?q=a")).status_code == 200
    assert operator.get(address(model, "?nonsense=1")).status_code in (200, 302)
    for row in model.objects.all()[:3]:
        page = operator.get(address(model, f"{row.pk}/change/"))
        assert page.status_code == 200, page.content[:500]
        text = page.content.decode()
        assert KEY not in text
        assert "<script>alert(" not in text
        assert row.__str__()
    assert operator.get(address(model, "nothing_x/change/")).status_code == 302
    add = operator.get(address(model, "add/"))
    assert add.status_code in (200, 403)


def test_a_key_is_written_only(operator: Client, fill: Any) -> None:
    fill()
    provider = Provider.objects.exclude(kind="demo").get()
    from llm_providers.models import ProviderCredential

    sealed = {str(value) for value in ProviderCredential.objects.values_list("secret", flat=True)}
    for page in ("", f"{provider.pk}/change/", f"{provider.pk}/history/", f"{provider.pk}/delete/"):
        text = operator.get(address(Provider, page)).content.decode()
        assert KEY not in text and KEY[:-4] not in text
        assert not [value for value in sealed if value in text]
    refused = {"name": "", "base_url": "nonsense", "api_key": "sk-typed-by-mistake-1", "options": "{}"}
    again = operator.post(address(Provider, f"{provider.pk}/change/"), refused)
    assert again.status_code == 200
    assert "sk-typed-by-mistake-1" not in again.content.decode(), "a refused form does not give the key back"


def test_signing_in_by_email_and_leaving(db: None) -> None:
    User.objects.create_superuser("op@example.com", PASSWORD)
    browser = Client(enforce_csrf_checks=True)
    page = browser.get("/admin/login/?next=/admin/")
    assert page.status_code == 200
    form = {"username": " OP@Example.com ", "password": PASSWORD, "next": "/admin/"}
    assert browser.post("/admin/login/", form).status_code == 403, "no CSRF token"
    token = browser.cookies[configured.CSRF_COOKIE_NAME].value
    wrong = browser.post("/admin/login/", {**form, "password": "wrong-password-1", "csrfmiddlewaretoken": token})
    assert wrong.status_code == 200
    assert browser.get("/admin/").status_code == 302
    done = browser.post("/admin/login/", {**form, "csrfmiddlewaretoken": token})
    assert (done.status_code, done["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200
    evil = browser.post("/admin/login/?next=https://evil.test/", {**form, "next": "https://evil.test/"})
    assert evil.status_code == 403 or "evil.test" not in evil.headers.get("Location", "")
    entries = AuditEntry.objects.filter(kind="session.sign_in").order_by("at")
    assert [(row.outcome, row.ip, bool(row.request_id)) for row in entries] == [
        ("denied", "127.0.0.1", True),
        ("done", "127.0.0.1", True),
    ]
    assert browser.post("/admin/logout/", {"csrfmiddlewaretoken": token}).status_code == 403
    token = browser.cookies[configured.CSRF_COOKIE_NAME].value
    assert browser.post("/admin/logout/", {"csrfmiddlewaretoken": token}).status_code in (200, 302)
    assert browser.get("/admin/").status_code == 302
    assert AuditEntry.objects.filter(kind="session.sign_out").count() == 1


def test_a_person_who_is_no_operator_does_not_get_in(db: None, make_person: Any, workspace: Any) -> None:
    person = make_person(workspace, "owner").person
    person.set_password(PASSWORD)
    person.save()
    browser = Client()
    answer = browser.post("/admin/login/?next=/admin/", {"username": person.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert browser.get("/admin/").status_code == 302


def entries_since(before: set[str]) -> list[AuditEntry]:
    return [row for row in AuditEntry.objects.order_by("at", "id") if row.pk not in before]


def test_people_workspaces_and_roles_are_changed_with_one_entry_each(operator: Client, workspace: Any) -> None:
    def does(path: str, body: dict[str, Any], *kinds: str) -> None:
        before = set(AuditEntry.objects.values_list("pk", flat=True))
        answer = operator.post(path, body, headers={"X-Request-ID": "admin-request-0001"})
        assert answer.status_code == 302, re.findall(
            r"errorlist.*?</ul>|This field[^<]*|Please[^<]*", answer.content.decode(), re.S
        )
        rows = entries_since(before)
        assert sorted(row.kind for row in rows) == sorted(kinds)
        for row in rows:
            assert (row.request_id, row.ip, row.outcome) == ("admin-request-0001", "127.0.0.1", "done")
            assert row.actor_id and PASSWORD not in str(row.data)

    person_form = {"email": "New@Example.com", "name": "New", "first_password": PASSWORD, "is_active": "on"}
    does("/admin/accounts/user/add/", person_form, "user.save")
    person = User.objects.get(email="new@example.com")
    assert person.check_password(PASSWORD) and not person.is_staff
    inline = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": person.pk,
        "memberships-0-role": "builder",
    }
    page = operator.get(f"/admin/accounts/workspace/{workspace.pk}/change/").content.decode()
    (prefix,) = re.findall(r'name="([\w-]+)-TOTAL_FORMS"', page)
    inline = {name.replace("memberships", prefix): value for name, value in inline.items()}
    base = {"name": workspace.name, "slug": workspace.slug}
    change = f"/admin/accounts/workspace/{workspace.pk}/change/"
    does(change, {**base, **inline}, "member.save")
    member = Membership.objects.get(user=person)
    assert member.role == "builder"
    there = {
        **inline,
        f"{prefix}-INITIAL_FORMS": "1",
        f"{prefix}-0-id": member.pk,
        f"{prefix}-0-workspace": workspace.pk,
    }
    does(change, {**base, **there, f"{prefix}-0-role": "viewer"}, "member.save")
    member.refresh_from_db()
    assert member.role == "viewer"
    does(change, {**base, **there, "name": "Other name", f"{prefix}-0-role": "viewer"}, "workspace.save")
    does(change, {**base, "name": "Other name", **there, f"{prefix}-0-DELETE": "on"}, "member.remove")
    assert not Membership.objects.filter(user=person).exists()

    from accounts.sessions import open_session

    session = open_session(person, client="api", ip=None)
    does(f"/admin/accounts/user/{person.pk}/change/", {"email": person.email, "name": "New"}, "user.save")
    session.refresh_from_db()
    person.refresh_from_db()
    assert session.ended_at is not None and not person.is_active
    action = {"action": "end_sign_ins", "_selected_action": [person.pk]}
    does("/admin/accounts/user/", action, "user.end_sign_ins")
    new_space = {"name": "South", "slug": "south", f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    does("/admin/accounts/workspace/add/", new_space, "workspace.save")
    assert Workspace.objects.filter(slug="south").exists()


def test_bad_forms_are_told_and_change_nothing(operator: Client, workspace: Any) -> None:
    count = AuditEntry.objects.count()
    for path, body in (
        ("/admin/accounts/user/add/", {"email": "x", "first_password": PASSWORD}),
        ("/admin/accounts/user/add/", {"email": "ok@example.com", "first_password": "short"}),
        ("/admin/accounts/user/add/", {"email": "ok@example.com", "first_password": ""}),
        ("/admin/accounts/user/add/", {"email": "OP@example.com", "first_password": PASSWORD, "is_active": "on"}),
        ("/admin/accounts/user/add/", {"email": "ok@example.com", "name": "a\x00b", "first_password": PASSWORD}),
        ("/admin/accounts/workspace/add/", {"name": "N", "slug": "not a slug"}),
        ("/admin/accounts/workspace/add/", {"name": "N", "slug": workspace.slug}),
    ):
        answer = operator.post(path, body)
        assert answer.status_code == 200 or (answer.status_code == 400), (path, body, answer.status_code)
    assert AuditEntry.objects.count() == count
    assert User.objects.count() == 1


def test_an_operator_cannot_lock_everybody_out(operator: Client) -> None:
    """The last operator stays one: nobody else could bring them back."""
    me = User.objects.get(email="op@example.com")
    answer = operator.post(f"/admin/accounts/user/{me.pk}/change/", {"email": me.email, "name": ""})
    assert answer.status_code == 200
    me.refresh_from_db()
    assert me.is_active and me.is_staff and me.is_superuser


def test_g27_who_cannot_open_the_admin_is_no_other_operator(operator: Client) -> None:
    me = User.objects.get(email="op@example.com")
    for name in ("is_active", "is_staff", "is_superuser"):
        other = User.objects.create_superuser(f"not-{name}@example.com", PASSWORD)
        User.objects.filter(pk=other.pk).update(**{name: False})
    answer = operator.post(f"/admin/accounts/user/{me.pk}/change/", {"email": me.email, "name": ""})
    assert "only operator" in answer.content.decode()


def test_g27_a_role_of_another_workspace_is_not_offered(operator: Client, workspace: Any, make_workspace: Any) -> None:
    from accounts.models import CustomRole

    for space in (workspace, make_workspace("South")):
        CustomRole.objects.create(workspace=space, name=f"Role of {space.name}", permissions=["agent.view"])
    page = operator.get(f"/admin/accounts/workspace/{workspace.pk}/change/").content.decode()
    assert f"Role of {workspace.name}" in page
    assert "Role of South" not in page


def test_g27_a_link_for_a_new_password_is_for_one_active_person(operator: Client) -> None:
    person = User.objects.create_user("gone@example.com", PASSWORD, is_active=False)
    form = {"action": "start_password_reset", "_selected_action": [person.pk]}
    answer = operator.post("/admin/accounts/user/", form, follow=True)
    assert "Select one active person" in answer.content.decode()


def test_the_start_page_tells_problems(operator: Client, fill: Any) -> None:
    assert "Nothing waits that should be moving" in operator.get("/admin/").content.decode()
    fill()
    from datetime import timedelta

    from django.db.migrations.recorder import MigrationRecorder

    from agents.models import Run
    from core.clock import now

    MigrationRecorder.Migration.objects.filter(app="audit").order_by("-id")[:1].get().delete()
    Run.objects.update(created_at=now() - timedelta(minutes=5))
    Provider.objects.exclude(kind="demo").update(name="<img src=x onerror=alert(1)>", health_state="failing")
    text = operator.get("/admin/").content.decode()
    assert "1 runs are due" in text or "1 run is due" in text
    assert "Nothing waits" not in text
    assert "The database is behind the code. Run `python manage.py upgrade`." in text
    assert "Provider &lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text
    assert LoginSession.objects.exists()


def test_stopping_runs_from_the_list(operator: Client, owner: Api, agent: dict[str, Any]) -> None:
    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}}).data["id"]
    body = {"action": "stop_runs", "_selected_action": [run]}
    answer = operator.post("/admin/agents/run/", body, follow=True)
    assert "asked to stop" in answer.content.decode()
    (entry,) = AuditEntry.objects.filter(kind="run.cancel")
    assert (entry.target_id, entry.ip) == (run, "127.0.0.1")


def test_deciding_from_the_list_what_became_of_a_cut_call(operator: Client, owner: Api, agent: dict[str, Any]) -> None:
    from agents.models import Decision, Run

    run = Run.objects.get(pk=owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}}).data["id"])
    made = {"run": run, "workspace_id": run.workspace_id, "prompt": "Did it?"}
    cut = Decision.objects.create(kind="unknown_outcome", **made)
    asked = Decision.objects.create(kind="question", **made)
    body = {"action": "it_happened", "_selected_action": [cut.pk, asked.pk]}
    answer = operator.post("/admin/agents/decision/", body, follow=True).content.decode()
    assert "1 decided." in answer and "1 left as they were" in answer
    cut.refresh_from_db()
    asked.refresh_from_db()
    assert (cut.status, cut.resolution, asked.status) == ("resolved", "happened", "open")
    (entry,) = AuditEntry.objects.filter(kind="decision.resolve")
    assert (entry.target_id, entry.ip) == (cut.pk, "127.0.0.1")


def test_incident_2_16_guessing_is_braked_at_both_doors(db: None, nobody: Api, settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    User.objects.create_superuser("op@example.com", PASSWORD)
    wrong = {"email": "op@example.com", "password": "wrong-password-1"}
    answers = [nobody.post("auth/token/", wrong) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 0 and answers[-1].data["code"] == "too_many_attempts"
    right = {"email": "op@example.com", "password": PASSWORD}
    assert nobody.post("auth/token/", right).status_code == 429
    browser = Client()
    form = {"username": "op@example.com", "password": PASSWORD}
    page = browser.post("/admin/login/?next=/admin/", form)
    assert page.status_code == 200 and "Too many wrong attempts" in page.content.decode()
    # The owner at another address is not locked out, nor is anybody else here.
    far = browser.post("/admin/login/?next=/admin/", form, REMOTE_ADDR="203.0.113.9")
    assert far.status_code == 302
    other = {"email": "nobody@example.com", "password": "wrong-password-1"}
    assert nobody.post("auth/token/", other).status_code == 401
