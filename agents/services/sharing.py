"""Sharing agents and conversations."""

from __future__ import annotations

from accounts.grants import grant_actions
from accounts.rights import rights_shrank
from accounts.sharing import RESTRICTED
from agents.models import Agent
from agents.models.sharing import AGENT, CONVERSATION
from agents.services.agents import lock_agent
from audit.action import Action, action
from core.authz import Permission

agent_grants = grant_actions(AGENT)
conversation_grants = grant_actions(CONVERSATION)


@action("agent.set_visibility", requires=Permission.AGENT_SHARE, on="agent")
def set_agent_visibility(act: Action, *, agent: Agent, visibility: str) -> Agent:
    """An agent was opened to its workspace, or kept to those it is shared with."""
    lock_agent(agent)
    if agent.visibility != visibility:
        agent.visibility = visibility
        agent.revision += 1
        agent.save(update_fields=["visibility", "revision", "updated_at"])
        if visibility == RESTRICTED:
            rights_shrank(act.workspace_id)
    act.record(visibility=visibility)
    return agent
