"""Who an agent or a conversation is shared with, over HTTP."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.sharing import AccessList, GrantDetail, GrantList, SharedView, VisibilityIn
from agents.api import serializers as s
from agents.api.agents import AgentView
from agents.models import Agent, Conversation
from agents.selectors.agents import agents_visible_to
from agents.selectors.runs import conversations_visible_to
from agents.services.sharing import agent_grants, conversation_grants, set_agent_visibility
from core.authz import Permission


class _OfAgent(SharedView):
    actions = agent_grants
    place = "agent_id"

    def visible(self) -> QuerySet[Agent]:
        return agents_visible_to(self.actor)


class _OfConversation(SharedView):
    actions = conversation_grants
    place = "conversation_id"

    def visible(self) -> QuerySet[Conversation]:
        return conversations_visible_to(self.actor)


@extend_schema_view(get=extend_schema(operation_id="agent_grants"), post=extend_schema(operation_id="agent_grant"))
class AgentGrantList(_OfAgent, GrantList):
    permissions = {"GET": Permission.AGENT_SHARE, "POST": Permission.AGENT_SHARE}


@extend_schema_view(
    put=extend_schema(operation_id="agent_grant_set"), delete=extend_schema(operation_id="agent_grant_revoke")
)
class AgentGrantDetail(_OfAgent, GrantDetail):
    permissions = {"PUT": Permission.AGENT_SHARE, "DELETE": Permission.AGENT_SHARE}


@extend_schema_view(get=extend_schema(operation_id="agent_access"))
class AgentAccess(_OfAgent, AccessList):
    permissions = {"GET": Permission.AGENT_SHARE}


class AgentVisibility(AgentView):
    permissions = {"PUT": Permission.AGENT_SHARE}

    @extend_schema(operation_id="agent_visibility", request=VisibilityIn, responses=s.AgentOut)
    def put(self, request: Request, workspace: str, agent_id: str) -> Response:
        """Open it to everybody in the workspace, or keep it to its owner and those it is shared with."""
        agent = self.agent(agent_id)
        return self.answer(set_agent_visibility(self.actor, agent=agent, **self.read(VisibilityIn)))


@extend_schema_view(
    get=extend_schema(operation_id="conversation_grants"), post=extend_schema(operation_id="conversation_grant")
)
class ConversationGrantList(_OfConversation, GrantList):
    permissions = {"GET": Permission.CONVERSATION_SHARE, "POST": Permission.CONVERSATION_SHARE}


@extend_schema_view(
    put=extend_schema(operation_id="conversation_grant_set"),
    delete=extend_schema(operation_id="conversation_grant_revoke"),
)
class ConversationGrantDetail(_OfConversation, GrantDetail):
    permissions = {"PUT": Permission.CONVERSATION_SHARE, "DELETE": Permission.CONVERSATION_SHARE}


@extend_schema_view(get=extend_schema(operation_id="conversation_access"))
class ConversationAccess(_OfConversation, AccessList):
    permissions = {"GET": Permission.CONVERSATION_SHARE}
