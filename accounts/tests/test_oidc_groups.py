"""Groups that an OpenID provider leaves out because they are too many: nobody loses anything by it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership, User
from audit.models import AuditEntry
from tests.fixtures.houses import Issuer, approve, come_back, connect, through
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(owner: Api, workspace: Any, issuer: Issuer) -> str:
    approve(workspace, "corp.example")
    return connect(owner, issuer.origin)


OVERAGE = {
    "as Entra ID's": {
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "http://127.0.0.1:9/getMemberObjects"}},
    },
    "as Entra ID's implicit flow": {"hasgroups": True},
}


@pytest.mark.parametrize("name", OVERAGE)
def test_groups_that_were_left_out_take_nothing_away(
    name: str, owner: Api, house: str, issuer: Issuer, workspace: Any
) -> None:
    group = owner.post("groups/", {"name": "Everybody"}).data["id"]
    mapping = [{"group": "bosses", "role": "admin", "groups": [group]}]
    assert owner.patch(f"sso/{house}/", {"mapping": mapping}).status_code == 200
    issuer.claims = {"groups": ["bosses"]}
    assert through(issuer, house) == {}
    member = Membership.objects.get(user__email="new@corp.example")
    assert member.role == "admin"
    issuer.claims, issuer.userinfo = {"groups": None, **OVERAGE[name]}, {"sub": "subject-1"}
    assert through(issuer, house) == {}
    member.refresh_from_db()
    assert member.role == "admin" and len(owner.get(f"groups/{group}/members/").data["results"]) == 1
    entry = AuditEntry.objects.filter(kind="identity.sign_in", outcome="done").latest("pk")
    assert entry.data["groups"] == "left_out"
    begun = owner.post(f"sso/{house}/test/", {}).data
    come_back(owner, issuer.answer_to(begun["url"]))
    shown = owner.get(f"sso/{house}/tests/{begun['test']}/").data
    assert shown["ok"] and "Groups assigned to the application" in shown["detail"]
    issuer.claims = {"groups": []}
    assert through(issuer, house) == {}
    member.refresh_from_db()
    assert member.role == "viewer", "none at all is an answer"


def test_somebody_new_whose_groups_were_left_out_gets_the_default_or_nothing(
    owner: Api, house: str, issuer: Issuer
) -> None:
    mapping = [{"group": "bosses", "role": "admin"}]
    assert owner.patch(f"sso/{house}/", {"mapping": mapping, "default_role": ""}).status_code == 200
    issuer.claims, issuer.userinfo = {"groups": None, "hasgroups": "true"}, {"sub": "subject-1"}
    assert through(issuer, house) == {"sso_error": "groups_left_out"}
    assert not User.objects.filter(email="new@corp.example").exists()
    owner.patch(f"sso/{house}/", {"default_role": "viewer"})
    assert through(issuer, house) == {}
    assert Membership.objects.get(user__email="new@corp.example").role == "viewer"
    for odd in ({"_claim_names": "groups"}, {"_claim_names": ["groups"]}, {"hasgroups": 1}, {"_claim_names": None}):
        issuer.claims = {"groups": None, "email": "other@corp.example", "sub": "o", **odd}
        issuer.userinfo = {"sub": "o"}
        assert through(issuer, house) == {}, "odd, but no reason to fail"
