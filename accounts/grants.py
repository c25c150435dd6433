"""Giving and taking access to single objects, and who has it. What a level means stands in accounts.sharing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from accounts.groups import lock_group
from accounts.models import Membership, User, WorkspaceGroup
from accounts.rights import rights_shrank
from accounts.sharing import LEVELS, OPEN, SHARED, Level, Sharing, codename, group_grants, level_in, person_grants
from audit.action import Action, action
from core.authz import authorize
from core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed

MAX_GRANTS = 500


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of who was given what. `holder` is a person, a service account or a group of the workspace."""

    holder: User | WorkspaceGroup
    level: Level

    def as_json(self) -> dict[str, Any]:
        one = self.holder
        return {
            "grantee": one.pk,
            "kind": "group" if isinstance(one, WorkspaceGroup) else one.kind,
            "name": one.name,
            "email": one.email if isinstance(one, User) and one.kind == User.Kind.PERSON else None,
            "level": self.level.word,
        }


@dataclass(frozen=True, slots=True)
class GrantActions:
    """The audited verbs of one kind of object; `withdraw` is the operators', whom no grant has to reach."""

    give: Callable[..., Grant]
    take: Callable[..., None]
    withdraw: Callable[..., None]


def grant_actions(sharing: Sharing) -> GrantActions:
    """`give(actor, obj=…, grantee=…, level=…)`, `take(actor, obj=…, grantee=…)`, `withdraw` like `take`.

    `only_if` names the level that they must have now for a change to go on.
    """
    name, needed = sharing.name, sharing.stands_for[Level.MANAGE]

    @action(f"{name}.grant", requires=needed, on="obj", meaning=f"Somebody was given access to one {name}.")
    def give(act: Action, *, obj: Model, grantee: str, level: str, only_if: str | None = None) -> Grant:
        wanted = LEVELS[level]
        authorize(act.actor, sharing.stands_for[wanted], obj)  # nobody gives what they do not hold
        holder = find_grantee(act.workspace_id, grantee)
        _lock(obj)
        if isinstance(holder, WorkspaceGroup):
            holder = lock_group(holder)
        before = _erase(obj, holder)
        _refuse_if_changed(before, only_if)
        if before is None and len(grants_on(obj)) >= MAX_GRANTS:
            raise Conflict(f"At most {MAX_GRANTS} grants on one {name}. Make a group instead.", code="too_many")
        if isinstance(holder, User):
            person_grants(type(obj)).objects.assign_perm(codename(type(obj), wanted), holder, obj)
        else:
            group_grants(type(obj)).objects.assign_perm(codename(type(obj), wanted), holder.group, obj)
        act.record(grantee=grantee, level=level, before=before.word if before else None)
        if before is not None and wanted < before:
            _shrank(act, holder)
        return Grant(holder, wanted)

    @action(f"{name}.revoke_grant", requires=needed, on="obj", meaning=f"Access to one {name} was taken away.")
    def take(act: Action, *, obj: Model, grantee: str, only_if: str | None = None) -> None:
        _take(act, obj, grantee, only_if)

    @action(f"{name}.withdraw_grant", requires=None, meaning=f"An operator took access to one {name} away.")
    def withdraw(act: Action, *, obj: Model, grantee: str) -> None:
        act.target(obj)
        _take(act, obj, grantee)

    return GrantActions(give, take, withdraw)


def _refuse_if_changed(before: Level | None, only_if: str | None) -> None:
    if only_if is not None and (before is None or before.word != only_if):
        raise PreconditionFailed("Somebody else changed this since you opened it. Look at it, then change it again.")


def _take(act: Action, obj: Model, grantee: str, only_if: str | None = None) -> None:
    _lock(obj)
    holder = next((one.holder for one in grants_on(obj) if one.holder.pk == grantee), None)
    before = _erase(obj, holder) if holder is not None else None
    if holder is None or before is None:
        raise NotFound("Nothing was granted to them here.")
    _refuse_if_changed(before, only_if)
    act.record(grantee=grantee, before=before.word)
    _shrank(act, holder)


def grants_on(obj: Model) -> list[Grant]:
    """All grants on one object, groups first, each by name."""
    to_groups = group_grants(type(obj)).objects.filter(content_object=obj).select_related("permission")
    to_people = person_grants(type(obj)).objects.filter(content_object=obj).select_related("permission", "user")
    of_groups = {row.group_id: level_in(row.permission.codename) for row in to_groups}
    groups = WorkspaceGroup.objects.filter(group_id__in=of_groups)
    found = [Grant(one, of_groups[one.group_id]) for one in groups]
    found += [Grant(row.user, level_in(row.permission.codename)) for row in to_people]
    return sorted(found, key=lambda one: (isinstance(one.holder, User), str(one.holder)))


def holder_of(row: Any) -> User | WorkspaceGroup:
    """Whom a row of one of guardian's tables is about."""
    holder: User | WorkspaceGroup = row.user if hasattr(row, "user_id") else row.group.workspace_group
    return holder


def row_of_grant(obj: Model, holder: User | WorkspaceGroup) -> Any:
    """The row that keeps what this holder has on the object."""
    if isinstance(holder, User):
        return person_grants(type(obj)).objects.get(content_object=obj, user=holder)
    return group_grants(type(obj)).objects.get(content_object=obj, group_id=holder.group_id)


def find_grantee(workspace_id: str, key: str) -> User | WorkspaceGroup:
    """A member or a group of the workspace; ValidationFailed for every other id alike."""
    group = WorkspaceGroup.objects.select_related("group").filter(workspace_id=workspace_id, pk=key).first()
    if group is not None:
        return group
    members = Membership.objects.select_related("user").filter(workspace_id=workspace_id, user_id=key)
    member = members.filter(user__is_active=True).first()
    if member is None:
        raise ValidationFailed.on("grantee", "unknown_grantee", "There is no such person or group in this workspace.")
    return member.user


def forget_grants(*, user_id: str, workspace_id: str) -> None:
    """Inside an action: somebody left the workspace. What they had been given does not wait for them to come back."""
    for model in SHARED:
        person_grants(model).objects.filter(user_id=user_id, content_object__workspace_id=workspace_id).delete()


def reasons_for(obj: Any, members: Sequence[Membership]) -> list[dict[str, Any]]:
    """For each of these members of the object's workspace: what they may do with it, and why.

    `members` come with `user` and `custom_role`.
    """
    in_groups = _groups_of(obj.workspace_id, members)
    granted = [(one.holder, one.level) for one in grants_on(obj)]
    return [
        {
            "user": member.user,
            "kind": member.user.kind,
            "role": member.role_name,
            **_explain(obj, member, granted, in_groups[member.user_id]),
        }
        for member in members
    ]


def reasons_of(member: Membership, objects: Sequence[Any]) -> list[dict[str, Any]]:
    """The other way round: what one member may do with each of these objects of one kind, and why."""
    if not objects:
        return []
    model: Any = objects[0].__class__
    in_groups = _groups_of(member.workspace_id, [member])[member.user_id]
    granted: dict[str, list[tuple[User | WorkspaceGroup, Level]]] = {}
    to_person = person_grants(model).objects.filter(user_id=member.user_id, content_object__in=objects)
    for pk, name in to_person.values_list("content_object_id", "permission__codename"):
        granted.setdefault(pk, []).append((member.user, level_in(name)))
    to_groups = group_grants(model).objects.filter(group_id__in=in_groups, content_object__in=objects)
    for row in to_groups.select_related("permission", "group__workspace_group"):
        of = granted.setdefault(row.content_object_id, [])
        of.append((row.group.workspace_group, level_in(row.permission.codename)))
    return [{"object": obj, **_explain(obj, member, granted.get(obj.pk, []), in_groups)} for obj in objects]


def _explain(
    obj: Any, member: Membership, granted: Iterable[tuple[User | WorkspaceGroup, Level]], in_groups: set[int]
) -> dict[str, Any]:
    """`can` and `reasons` for one member and one object."""
    sharing = SHARED[type(obj)]
    reasons: list[dict[str, Any]] = []
    if sharing.owned and obj.owner_id == member.user_id:
        reasons.append(_reason("owner", Level.MANAGE))
    if sharing.reaches_all is not None and sharing.reaches_all in member.held:
        reasons.append(_reason("role", Level.MANAGE, by=member.role_name))
    if sharing.opens is not None and obj.visibility == OPEN:
        reasons.append(_reason("workspace", sharing.opens))
    for holder, level in granted:
        if isinstance(holder, User) and holder.pk == member.user_id:
            reasons.append(_reason("grant", level))
        elif isinstance(holder, WorkspaceGroup) and holder.group_id in in_groups:
            reasons.append(_reason("group", level, by=holder.name))
    highest = max((LEVELS[one["level"]] for one in reasons), default=None) if member.user.is_active else None
    can = [
        level.word
        for level, permission in sharing.stands_for.items()
        if highest is not None and level <= highest and permission in member.held
    ]
    return {"can": can, "reasons": reasons}


def _reason(why: str, level: Level, by: str | None = None) -> dict[str, Any]:
    return {"why": why, "level": level.word, "by": by}


def _groups_of(workspace_id: str, members: Sequence[Membership]) -> dict[str, set[int]]:
    rows = User.groups.through.objects.filter(
        user_id__in=[member.user_id for member in members],
        group__workspace_group__workspace_id=workspace_id,
    )
    found: dict[str, set[int]] = {member.user_id: set() for member in members}
    for user_id, group_id in rows.values_list("user_id", "group_id"):
        found[user_id].add(group_id)
    return found


def _erase(obj: Model, holder: User | WorkspaceGroup) -> Level | None:
    """Take what this holder has on the object; which level it was."""
    if isinstance(holder, User):
        rows = person_grants(type(obj)).objects.filter(content_object=obj, user=holder)
    else:
        rows = group_grants(type(obj)).objects.filter(content_object=obj, group_id=holder.group_id)
    before = [level_in(name) for name in rows.values_list("permission__codename", flat=True)]
    rows.delete()
    return max(before, default=None)


def _shrank(act: Action, holder: User | WorkspaceGroup) -> None:
    if isinstance(holder, User):
        rights_shrank(act.workspace_id, holder.pk)
    else:
        rights_shrank(act.workspace_id)


def _lock(obj: Model) -> None:
    if not type(obj)._default_manager.select_for_update().filter(pk=obj.pk).exists():
        raise NotFound()
