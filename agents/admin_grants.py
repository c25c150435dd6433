"""What is granted on agents and conversations, in the operator admin."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin_access import GrantAdmin
from agents.models import AgentGroupGrant, AgentUserGrant, ConversationGroupGrant, ConversationUserGrant
from agents.services.sharing import agent_grants, conversation_grants


@admin.register(AgentUserGrant, AgentGroupGrant)
class AgentGrantAdmin(GrantAdmin):
    verbs = agent_grants


@admin.register(ConversationUserGrant, ConversationGroupGrant)
class ConversationGrantAdmin(GrantAdmin):
    verbs = conversation_grants
    gives = False  # whose chat it is decides that, and no role reaches it
