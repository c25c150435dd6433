"""Where django-guardian keeps the grants on agents and conversations: tables of their own, joined by the database."""

from __future__ import annotations

from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from agents.models.agent import Agent
from agents.models.conversation import Conversation


class AgentUserGrant(UserObjectPermissionBase):
    content_object = models.ForeignKey(Agent, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "agent shared with a person"
        verbose_name_plural = "agents shared with people"


class AgentGroupGrant(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Agent, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "agent shared with a group"
        verbose_name_plural = "agents shared with groups"


class ConversationUserGrant(UserObjectPermissionBase):
    content_object = models.ForeignKey(Conversation, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "chat shared with a person"
        verbose_name_plural = "chats shared with people"


class ConversationGroupGrant(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Conversation, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "chat shared with a group"
        verbose_name_plural = "chats shared with groups"
