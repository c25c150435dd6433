"""What somebody may no longer do ends: their runs stop in the transaction that took the right away."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import operations
from accounts.models import Membership
from accounts.roles import ROLE_PERMISSIONS, Role
from agents.models import Run
from core.authz import Actor


def member(api: Any) -> str:
    return str(Membership.objects.get(user=api.person).pk)


@pytest.mark.parametrize("how", ["removed", "demoted", "role emptied", "disabled"])
def test_incident_2_53_a_revoked_persons_runs_stop(
    workspace: Any, owner: Any, make_person: Any, agent: Any, how: str
) -> None:
    person, other = make_person(workspace, "user"), make_person(workspace, "user")
    if how == "role emptied":
        role = owner.post("roles/", {"name": "R", "permissions": sorted(ROLE_PERMISSIONS[Role.USER])}).data["id"]
        for one in (person, other):
            assert owner.patch(f"members/{member(one)}/", {"role": role}).status_code == 200
        assert owner.patch(f"members/{member(other)}/", {"role": "user"}).status_code == 200
    runs = [one.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"] for one in (person, other)]
    assert owner.patch(f"members/{member(person)}/", {"role": "builder"}).status_code in (200, 404)
    assert not Run.objects.exclude(cancel_requested_at=None).exists(), "a better role stops nothing"
    if how == "removed":
        assert owner.delete(f"members/{member(person)}/").status_code == 204
    elif how == "demoted":
        assert owner.patch(f"members/{member(person)}/", {"role": "viewer"}).status_code == 200
    elif how == "disabled":
        person.person.is_active = False
        operations.save_person(
            Actor("user", owner.person.pk, "", None), user=person.person, password="", changed=["is_active"]
        )
    else:
        assert owner.patch(f"members/{member(person)}/", {"role": role}).status_code == 200
        assert owner.patch(f"roles/{role}/", {"permissions": ["agent.view"]}, If_Match="*").status_code == 200
    stopped = set(Run.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True))
    assert stopped == {runs[0]}
    assert person.get("runs/").status_code in (401, 404, 403) or how == "demoted"
