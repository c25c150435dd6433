"""Conversations and their messages over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import WorkspaceView
from agents.api import serializers as s
from agents.api.present import conversation_json, conversations_json, message_json, run_json
from agents.models import Agent, Conversation, Run
from agents.selectors.agents import agents_visible_to
from agents.selectors.runs import (
    as_listed,
    conversation_to_speak_in,
    conversations_visible_to,
    messages_of,
    open_runs_of,
    with_last_run,
)
from agents.services import conversations as services
from agents.services.interjections import steer_run
from agents.services.runs import input_message_id, start_run
from core.authz import Permission
from core.errors import NotFound, ValidationFailed
from core.ids import ID_PATTERN
from core.rest import paging
from core.rest.pages import page_of


class ConversationView(WorkspaceView):
    def conversation(self, conversation_id: str) -> Conversation:
        found: Conversation = self.find(with_last_run(conversations_visible_to(self.actor)), conversation_id)
        return found

    def agent_named(self, agent_id: str) -> Agent:
        """An agent named in a body; the same answer for a foreign and a random id."""
        try:
            found: Agent = self.find(agents_visible_to(self.actor), agent_id)
        except NotFound:
            raise NotFound("There is no such agent, or it is not shared with you.") from None
        return found


class ConversationList(ConversationView):
    permissions = {"GET": Permission.CONVERSATION_VIEW, "POST": Permission.CONVERSATION_CREATE}
    filters = ("agent", "search", "archived", "draft", "mine")
    idempotent = True

    @extend_schema(
        operation_id="conversations",
        responses=page_of(s.ConversationOut),
        parameters=[
            OpenApiParameter("agent", str),
            OpenApiParameter("search", str),
            OpenApiParameter("archived", str, enum=["true", "false"]),
            OpenApiParameter("draft", str, enum=["true", "false"]),
            OpenApiParameter("mine", str, enum=["true", "false"], description="Or only those shared with me."),
        ],
    )
    def get(self, request: Request, workspace: str) -> Response:
        """My conversations and those shared with me, the latest active first; test chats on drafts only when asked for."""
        rows = conversations_visible_to(self.actor).filter(
            archived=bool(self.flag("archived")), is_draft=bool(self.flag("draft"))
        )
        mine = self.flag("mine")
        if mine is not None:
            rows = rows.filter(owner_id=self.actor.user_id) if mine else rows.exclude(owner_id=self.actor.user_id)
        if agent := self.param("agent"):
            rows = rows.filter(agent_id=agent)
        if search := self.param("search"):
            rows = rows.filter(title__icontains=search)
        return self.page(as_listed(rows), conversations_json(self.actor), ordering=("-active_at", "-id"))

    @extend_schema(operation_id="conversation_create", request=s.ConversationIn, responses={201: s.ConversationOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Begin a conversation with an agent."""
        data = self.read(s.ConversationIn)
        agent = self.agent_named(data.pop("agent"))
        return self.created(
            conversation_json(self.actor, services.create_conversation(self.actor, agent=agent, **data))
        )


class ConversationDetail(ConversationView):
    permissions = {
        "GET": Permission.CONVERSATION_VIEW,
        "PATCH": Permission.CONVERSATION_EDIT,
        "DELETE": Permission.CONVERSATION_DELETE,
    }

    @extend_schema(operation_id="conversation", responses=s.ConversationOut)
    def get(self, request: Request, workspace: str, conversation_id: str) -> Response:
        """One conversation."""
        return self.ok(conversation_json(self.actor, self.conversation(conversation_id)))

    @extend_schema(operation_id="conversation_update", request=s.ConversationPatch, responses=s.ConversationOut)
    def patch(self, request: Request, workspace: str, conversation_id: str) -> Response:
        """Rename, pin or archive it, or give it another agent."""
        conversation = self.conversation(conversation_id)
        changes: dict[str, Any] = self.read(s.ConversationPatch)
        if "agent" in changes:
            changes["agent"] = self.agent_named(changes["agent"])
        services.update_conversation(self.actor, conversation=conversation, **changes)
        return self.ok(conversation_json(self.actor, self.conversation(conversation_id)))

    @extend_schema(operation_id="conversation_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, conversation_id: str) -> Response:
        """Delete the conversation and stop what runs in it."""
        services.delete_conversation(self.actor, conversation=self.conversation(conversation_id))
        return self.no_content()


class MessageList(ConversationView):
    permissions = {"GET": Permission.CONVERSATION_VIEW, "POST": Permission.RUN_CREATE}
    idempotent = True

    @extend_schema(operation_id="messages", responses=s.MessagePageOut)
    def get(self, request: Request, workspace: str, conversation_id: str) -> Response:
        """The newest messages, oldest of them first; `next` leads to older ones. Open runs are read by the socket."""
        conversation = self.conversation(conversation_id)
        open_runs = open_runs_of(conversation)
        rows, following = paging.page(
            messages_of(conversation).exclude(run_id__in=open_runs),
            ordering=("-run_id", "-seq"),
            limit=paging.read_limit(request.query_params.get("limit")),
            cursor=request.query_params.get("cursor"),
        )
        runs = Run.objects.select_related("agent", "version", "started_by").in_bulk({row.run_id for row in rows})
        return self.ok(
            {
                "results": [message_json(row, runs[row.run_id]) for row in reversed(rows)],
                "next": following,
                "runs": {pk: run_json(run) for pk, run in runs.items()},
                "open_runs": open_runs,
            }
        )

    @extend_schema(operation_id="message_create", request=s.MessageIn, responses={202: s.MessageAccepted})
    def post(self, request: Request, workspace: str, conversation_id: str) -> Response:
        """Say something. The answer is a run: watch it on the socket, or read it when it has ended."""
        known = ID_PATTERN.match(conversation_id)
        conversation = conversation_to_speak_in(self.actor, conversation_id) if known else None
        if conversation is None:
            raise NotFound()
        data = self.read(s.MessageIn)
        data.pop("attachments", None)
        if conversation.agent.deleted_at is not None:
            raise ValidationFailed(
                f"{conversation.agent.name} was deleted. Choose another agent for this conversation.",
                code="agent_deleted",
            )
        if data.get("mode") == "steer":
            del data["mode"]
            if (steered := steer_run(self.actor, conversation=conversation, text=data["text"])) is not None:
                return self.ok({"message": steered[1], "run": steered[0].id}, status=202)
        run = start_run(self.actor, agent=conversation.agent, conversation=conversation, **data)
        return self.ok({"message": input_message_id(run), "run": run.id}, status=202)
