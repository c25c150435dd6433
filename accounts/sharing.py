"""What is granted on single objects, and to whom: four levels, kept by django-guardian, one definition for every model.

A model that can be shared describes itself once, as a `Sharing`. Its object rule (`access_q`), the grants that people give
and the answer to "who can see this, and why" are read from that. A role is the ceiling: a grant says with which objects
somebody may do what their role allows at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from django.db.models import Model, Q
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from core.any_of import AnyOf
from core.authz import Actor, Permission


class Level(IntEnum):
    """Each holds what stands before it."""

    VIEW = 1
    RUN = 2
    EDIT = 3
    MANAGE = 4

    @property
    def word(self) -> str:
        return self.name.lower()


LEVELS: Mapping[str, Level] = {level.word: level for level in Level}
#: How `visibility` is written on models that have it.
OPEN, RESTRICTED = "workspace", "restricted"


@dataclass(frozen=True, slots=True)
class Sharing:
    """How one model is shared. `name` is its resource in core.authz.Permission.

    `stands_for`: the permission that somebody needs to give a level away. `levels`: the level that a permission takes;
    what is not named takes MANAGE. `reaches_all`: the role's right to all objects. `opens`: up to which level an object
    whose visibility is the workspace lies open to all.
    """

    name: str
    stands_for: Mapping[Level, Permission]
    levels: Mapping[Permission, Level]
    reaches_all: Permission | None = None
    opens: Level | None = None
    owned: bool = True

    def level_of(self, permission: Permission) -> Level:
        return self.levels.get(permission, Level.MANAGE)

    def reach_q(self, model: type[Model], actor: Actor, level: Level, *, through: str = "") -> Q:
        """Which objects the actor reaches at this level; `through` leads to them from another table.

        Its SQL depends on the actor's permissions and the level only.
        """
        if self.reaches_all is not None and actor.has(self.reaches_all):
            return Q()
        reached = self.granted_q(model, actor, level, through=through)
        if self.owned:
            reached |= Q(**{f"{through}owner_id": actor.user_id})
        if self.opens is not None and level <= self.opens:
            reached |= Q(**{f"{through}visibility": OPEN})
        return reached

    @staticmethod
    def granted_q(model: type[Model], actor: Actor, level: Level, *, through: str = "") -> Q:
        """Which objects the actor was given at this level, themselves or as one of a group."""
        names = [codename(model, one) for one in Level if one >= level]
        to_person = person_grants(model).objects.filter(user_id=actor.user_id, permission__codename__in=names)
        to_group = group_grants(model).objects.filter(group__user=actor.user_id, permission__codename__in=names)
        given = Q()
        for grants in (to_person, to_group):
            given |= Q(AnyOf(f"{through}pk", grants.values("content_object_id")))
        return given


#: Every model that can be shared; for what looks at all of them.
SHARED: dict[type[Model], Sharing] = {}


def register_sharing(model: type[Model], sharing: Sharing) -> None:
    """An app makes a model of its own known, when it is loaded."""
    SHARED[model] = sharing


def codename(model: type[Model], level: Level) -> str:
    """The name of Django's permission that django-guardian keeps for a level."""
    return f"{level.word}_{model._meta.model_name}"


def level_in(name: str) -> Level:
    return LEVELS[name.split("_")[0]]


@cache
def person_grants(model: type[Model]) -> Any:
    """The table of grants to people: a foreign key to the object, so that the database joins and deletes by itself."""
    return get_user_obj_perms_model(model)  # type: ignore[arg-type]


@cache
def group_grants(model: type[Model]) -> Any:
    return get_group_obj_perms_model(model)  # type: ignore[arg-type]
