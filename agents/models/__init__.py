"""The tables of agents, conversations and runs. Private to this app."""

from agents.models.agent import Agent, AgentVersion
from agents.models.conversation import Conversation, Message
from agents.models.decision import Decision
from agents.models.grants import AgentGroupGrant, AgentUserGrant, ConversationGroupGrant, ConversationUserGrant
from agents.models.interjection import Interjection
from agents.models.run import MessageChunk, Run, RunEvent

__all__ = [
    "Agent",
    "AgentGroupGrant",
    "AgentUserGrant",
    "AgentVersion",
    "Conversation",
    "ConversationGroupGrant",
    "ConversationUserGrant",
    "Decision",
    "Interjection",
    "Message",
    "MessageChunk",
    "Run",
    "RunEvent",
]
