"""What one person does about their own account leaves everybody else's as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from accounts.models import EmailChange, FactorChallenge, LoginSession, User
from accounts.sessions import open_session
from accounts.tests.test_second_factors import add_app
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice

pytestmark = pytest.mark.django_db
FACTORS = "/api/v1/me/second-factors/"


@pytest.fixture
def bo(make_person: Any, workspace: Any) -> Api:
    return make_person(workspace, "owner", email="bo@example.com")


def factors_of(person: Api) -> list[dict[str, Any]]:
    return list(Authenticator.objects.filter(user=person.person).order_by("pk").values())


def test_g27_other_peoples_factors_stay(owner: Api, bo: Api, settings: Any) -> None:
    settings.PUBLIC_URL = "https://agents.example.com"
    _, codes = add_app(owner)
    mine = factors_of(owner)
    assert bo.get(FACTORS).data["recovery_codes_left"] is None and bo.get(FACTORS).data["results"] == []
    assert bo.get("/api/v1/me/").data["second_factor"]["enrolled"] is False
    for _ in range(2):
        _, theirs = add_app(bo)
        assert len(theirs) == 10, "the first factor brings codes, whatever others have"
        assert bo.post(f"{FACTORS}recovery-codes/").status_code == 200
        (factor,) = bo.get(FACTORS).data["results"]
        assert bo.delete(f"{FACTORS}{factor['id']}/").status_code == 204
        assert factors_of(bo) == [] and factors_of(owner) == mine
    add_app(bo)
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    operator.post("/admin/accounts/user/", {"action": "reset_second_factors", "_selected_action": [bo.person.pk]})
    assert factors_of(bo) == [] and factors_of(owner) == mine
    assert AuditEntry.objects.get(kind="user.reset_second_factors").data["removed"] == 1
    assert owner.get(FACTORS).data["recovery_codes_left"] == len(codes)


def test_g27_other_peoples_sign_ins_go_on_and_what_had_ended_is_not_counted(owner: Api, bo: Api) -> None:
    bo.person.set_password(PASSWORD)
    bo.person.save()
    ended = now() - timedelta(days=1)
    old, live = (open_session(bo.person, client="api", ip=None) for _ in range(2))
    LoginSession.objects.filter(pk=old.pk).update(ended_at=ended)
    body = {"current_password": PASSWORD, "new_password": "another-staple-battery-3"}
    changed = bo.post("/api/v1/me/password/", body)
    assert changed.status_code in (200, 204), changed.content
    assert owner.get("/api/v1/me/").status_code == 200 and bo.get("/api/v1/me/").status_code == 200
    assert LoginSession.objects.get(pk=old.pk).ended_at == ended
    assert LoginSession.objects.get(pk=live.pk).ended_at is not None


def test_g27_two_people_change_their_addresses(owner: Api, bo: Api, post_office: PostOffice) -> None:
    """Asking anew voids one's own links from before, and nobody else's."""
    for person in (owner, bo, bo):
        asked = person.post("/api/v1/me/email/", {"email": f"new-{person.person.pk[-5:].lower()}@example.com"})
        assert asked.status_code in (200, 202, 204), asked.content
    assert sorted(EmailChange.objects.values_list("user_id", flat=True)) == sorted([owner.person.pk, bo.person.pk])


def test_g27_unanswered_challenges_of_others_do_not_count(owner: Api, bo: Api, nobody: Api, settings: Any) -> None:
    """As many as somebody may leave open, and old ones, left by somebody else, and by oneself but answered."""
    settings.PUBLIC_URL = "https://agents.example.com"
    add_app(bo)
    bo.person.set_password(PASSWORD)
    bo.person.save()
    FactorChallenge.objects.all().delete()
    for number in range(200):
        FactorChallenge.objects.create(
            user=owner.person if number % 2 else bo.person, purpose="sign_in", client="api", how="password", attempts=1,
            digest=f"{number:064}", created_at=now(), expires_at=now() - timedelta(days=2 * (number % 3)),
            used_at=None if number % 2 else now(),
        )  # fmt: skip
    count = FactorChallenge.objects.filter(user=owner.person).count()
    answer = nobody.post("auth/token/", {"email": "bo@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.data["code"]) == (401, "second_factor_required")
    assert FactorChallenge.objects.filter(user=owner.person).count() == count
