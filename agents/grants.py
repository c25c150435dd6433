"""Object permissions on agents, kept by django-guardian."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.authz import Actor

if TYPE_CHECKING:
    from agents.models import Agent

MANAGE = "agents.manage_agent"


def granted_agent_ids(actor: Actor) -> list[str]:
    """Ids of the agents that the actor's person was granted to manage."""
    from django.contrib.contenttypes.models import ContentType
    from guardian.models import UserObjectPermission

    from agents.models import Agent

    return list(
        UserObjectPermission.objects.filter(
            user_id=actor.user_id,
            content_type=ContentType.objects.get_for_model(Agent),
            permission__codename="manage_agent",
        ).values_list("object_pk", flat=True)
    )


def grant_manage(agent: Agent, user: object) -> None:
    """Let a person edit, publish and delete the agent."""
    from guardian.shortcuts import assign_perm

    assign_perm(MANAGE, user, agent)
