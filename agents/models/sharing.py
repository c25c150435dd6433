"""How agents and conversations are shared: what each level lets people do."""

from __future__ import annotations

from accounts.sharing import Level, Sharing
from core.authz import Permission as P

AGENT = Sharing(
    name="agent",
    stands_for={
        Level.VIEW: P.AGENT_VIEW,
        Level.RUN: P.AGENT_RUN,
        Level.EDIT: P.AGENT_EDIT,
        Level.MANAGE: P.AGENT_SHARE,
    },
    levels={
        P.AGENT_VIEW: Level.VIEW,
        P.AGENT_RUN: Level.RUN,
        P.AGENT_EDIT: Level.EDIT,
        P.AGENT_PUBLISH: Level.EDIT,
    },
    reaches_all=P.AGENT_EDIT_ANY,
    opens=Level.RUN,
)
# Nobody's role reaches a conversation: it is its owner's, and whose they share it with.
CONVERSATION = Sharing(
    name="conversation",
    stands_for={
        Level.VIEW: P.CONVERSATION_VIEW,
        Level.RUN: P.CONVERSATION_SPEAK,
        Level.EDIT: P.CONVERSATION_EDIT,
        Level.MANAGE: P.CONVERSATION_SHARE,
    },
    levels={
        P.CONVERSATION_VIEW: Level.VIEW,
        P.CONVERSATION_SPEAK: Level.RUN,
        P.RUN_CREATE: Level.RUN,  # what is said to a run that goes on, or becomes the next one
        P.CONVERSATION_EDIT: Level.EDIT,
    },
)
