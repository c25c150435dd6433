"""Another e-mail address: asked for with a fresh proof, confirmed at both ends, in any order, and only then true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import EmailChange, LoginSession, PasswordReset, SsoConnection, User
from core.clock import now
from tests.fixtures.houses import Issuer, approve, connect
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "ann@example.com", "ann@new.example.com"


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email=OLD)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def ask(ann: Api, post_office: PostOffice, email: str = NEW) -> tuple[str, str]:
    """(the old address's token, the new one's)"""
    answer = ann.post("/api/v1/me/email/", {"email": email})
    assert answer.status_code == 202, answer.content
    deliver_due()
    return post_office.token_to(OLD), post_office.token_to(email)


def confirm(nobody: Api, token: Any) -> Any:
    return nobody.post("auth/email/confirm/", {"token": token})


@pytest.mark.parametrize("old_first", [True, False])
def test_both_ends_confirm(ann: Api, nobody: Api, post_office: PostOffice, old_first: bool) -> None:
    old, new = ask(ann, post_office, "Ann@NEW.example.com".lower())
    first, second = (old, new) if old_first else (new, old)
    assert confirm(nobody, first).data == {"done": False}
    assert confirm(nobody, first).data == {"done": False}, "one end twice is not both"
    assert User.objects.get(pk=ann.person.pk).email == OLD
    assert ann.get("/api/v1/me/").status_code == 200
    assert confirm(nobody, second).data == {"done": True}
    assert User.objects.get(pk=ann.person.pk).email == NEW
    assert ann.get("/api/v1/me/").status_code == 401
    assert nobody.post("auth/token/", {"email": NEW, "password": PASSWORD}).status_code == 200
    assert confirm(nobody, first).status_code == confirm(nobody, second).status_code == 400


def test_it_needs_a_fresh_proof(ann: Api, post_office: PostOffice) -> None:
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    assert ann.post("/api/v1/me/email/", {"email": NEW}).data["code"] == "reauthentication_required"
    assert ann.post("/api/v1/me/reauthenticate/", {"password": PASSWORD}).status_code == 200
    assert ann.post("/api/v1/me/email/", {"email": NEW}).status_code == 202


def test_incident_2_19_a_taken_address_is_told_to_nobody_but_its_owner(
    ann: Api, nobody: Api, post_office: PostOffice, make_person: Any
) -> None:
    make_person(email="taken@example.com")
    answers = [ann.post("/api/v1/me/email/", {"email": email}) for email in ("taken@example.com", "free@example.com")]
    assert answers[0].status_code == 202 and answers[0].content == answers[1].content
    deliver_due()
    old, new = ask(ann, post_office, "taken@example.com")
    assert confirm(nobody, old).data == {"done": False}
    refused = confirm(nobody, new)
    assert refused.status_code == 400 and refused.data["errors"][0]["code"] == "taken"
    assert User.objects.get(pk=ann.person.pk).email == OLD


def test_g27_who_may_not_leave_by_now_stays(
    ann: Api, nobody: Api, post_office: PostOffice, workspace: Any, make_person: Any, issuer: Issuer
) -> None:
    """Asked for before the workspace asked its people to come through its own house."""
    old, new = ask(ann, post_office)
    assert confirm(nobody, old).data == {"done": False}
    approve(workspace, "example.com")
    connect(make_person(workspace, "owner"), issuer.origin, domains=["example.com"])
    SsoConnection.objects.update(enforced=True)
    refused = confirm(nobody, new)
    assert (refused.status_code, refused.data["code"]) == (409, "sso_enforced")
    assert User.objects.get(pk=ann.person.pk).email == OLD
    SsoConnection.objects.update(enforced=False)
    assert confirm(nobody, new).data == {"done": True}


def test_g27_ones_own_open_links_for_a_password_go_with_the_old_address(
    ann: Api, nobody: Api, post_office: PostOffice, make_person: Any
) -> None:
    other = make_person(email="bob@example.com").person
    rows = {
        name: PasswordReset.objects.create(
            user=user, email=user.email, created_at=now(), expires_at=now() + timedelta(hours=1), used_at=used,
            digest=f"{name:x<64}", looked_up_at=now(),
        )
        for name, user, used in (("open", ann.person, None), ("used", ann.person, now()), ("theirs", other, None))
    }  # fmt: skip
    for token in ask(ann, post_office):
        confirm(nobody, token)
    assert User.objects.get(pk=ann.person.pk).email == NEW
    left = set(PasswordReset.objects.values_list("pk", flat=True))
    assert left == {rows["used"].pk, rows["theirs"].pk}


def test_a_later_wish_voids_the_earlier_links_and_time_voids_all(
    ann: Api, nobody: Api, post_office: PostOffice
) -> None:
    old, _ = ask(ann, post_office)
    later, _ = ask(ann, post_office, "other@example.com")
    assert confirm(nobody, old).status_code == 400
    EmailChange.objects.update(expires_at=now())
    assert confirm(nobody, later).status_code == 400
    for nonsense in (None, "", [], "x", "\x00"):
        assert confirm(nobody, nonsense).status_code == 400


def test_incident_2_63_one_address_or_none(ann: Api, post_office: PostOffice) -> None:
    for email in ([NEW], f"{NEW},eve@example.com", f"{NEW}\nBcc: eve@example.com", None, OLD, OLD.upper()):
        assert ann.post("/api/v1/me/email/", {"email": email}).status_code == 400, email
    deliver_due()
    assert not post_office.letters
