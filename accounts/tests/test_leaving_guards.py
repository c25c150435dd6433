"""Each check on the way out by itself: one's data, one's sign-ins, who depends on somebody, and what stays behind."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import personal
from accounts.models import (
    LoginSession,
    Membership,
    User,
)
from accounts.tests.test_second_factors import add_app, ann, answered, asked  # noqa: F401
from core.errors import Conflict
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


def test_g27_a_copy_of_ones_own_data_is_ones_own(owner: Api, make_person: Any, make_workspace: Any) -> None:
    make_person(make_workspace("Other"), "user")
    copy = personal.profile_of(owner.person.pk)
    assert [one["name"] for one in copy["workspaces"]] == ["North"] and len(copy["sign_ins"]) == 1


def test_g27_a_closed_account_ends_its_sign_ins(owner: Api, make_person: Any) -> None:
    other = make_person()
    personal.close_account(owner.person.pk)
    open_ones = LoginSession.objects.filter(ended_at=None)
    assert list(open_ones.values_list("user_id", flat=True)) == [other.person.pk]


def test_g27_who_others_depend_on_stays(owner: Api, make_person: Any, make_workspace: Any, workspace: Any) -> None:
    me, user = owner.person.pk, make_person(workspace, "user").person
    elsewhere = make_workspace("Elsewhere")
    make_person(elsewhere, "user")
    User.objects.filter(pk=make_person(elsewhere, "owner").person.pk).update(is_active=False)
    personal.refuse_if_needed(user.pk)  # is no owner: that others have none to act does not keep them
    with pytest.raises(Conflict, match="no other owner"):
        personal.refuse_if_needed(me)
    User.objects.filter(pk=user.pk).update(is_active=False)
    personal.refuse_if_needed(me)  # who is disabled depends on nobody
    Membership.objects.filter(user=user).update(role="owner")
    make_person(make_workspace("Other"), "user")
    personal.refuse_if_needed(me)  # nor do the people of another workspace
    third = make_person(workspace, "user")
    with pytest.raises(Conflict):
        personal.refuse_if_needed(me)  # and a disabled owner helps nobody
    User.objects.filter(pk=user.pk).update(is_active=True)
    personal.refuse_if_needed(me)
    assert third.person.pk


def test_g27_the_last_operator_who_can_act_stays(owner: Api, make_person: Any) -> None:
    me, other = owner.person, make_person().person
    User.objects.filter(pk__in=[me.pk, other.pk]).update(is_superuser=True)
    personal.refuse_if_needed(me.pk)
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(Conflict, match="only operator"):
        personal.refuse_if_needed(me.pk)


def test_g27_what_is_left_goes_to_somebody_who_is_there(owner: Api, make_person: Any, workspace: Any) -> None:
    me, user = owner.person.pk, make_person(workspace, "admin").person
    assert personal.find_heir(workspace.pk, leaving=me) == user.pk
    assert personal.find_heir(workspace.pk, leaving=user.pk) == me
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert personal.find_heir(workspace.pk, leaving=me) is None


def test_g27_only_what_nobody_else_is_in_goes_with_somebody(
    owner: Api, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    me, other = owner.person.pk, make_workspace("Other")
    two = make_person(other, "owner").person
    assert personal.sole_workspaces(me) == [workspace.pk] and personal.sole_workspaces(two.pk) == [other.pk]
    Membership.objects.create(workspace=other, user=owner.person, role="user")
    assert personal.sole_workspaces(me) == [workspace.pk] and personal.sole_workspaces(two.pk) == []
    space = make_workspace("Programs")
    program = User.objects.create(email="svc@service.invalid", kind=User.Kind.SERVICE, service_of=space)
    Membership.objects.create(workspace=space, user=program, role="user")
    assert personal.sole_workspaces(me) == [workspace.pk], "not what only programs are in, without them"
