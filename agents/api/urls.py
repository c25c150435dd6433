"""Addresses of the agent endpoints, under one workspace."""

from __future__ import annotations

from django.urls import path

from agents.api import agents, conversations, decisions, runs, sharing
from agents.sse import run_stream

workspace_urls = [
    path("tools/", agents.ToolList.as_view()),
    path("agents/", agents.AgentList.as_view()),
    path("agents/<str:agent_id>/", agents.AgentDetail.as_view()),
    path("agents/<str:agent_id>/publish/", agents.AgentPublish.as_view()),
    path("agents/<str:agent_id>/versions/", agents.AgentVersionList.as_view()),
    path("agents/<str:agent_id>/versions/<int:number>/restore/", agents.AgentVersionRestore.as_view()),
    path("agents/<str:agent_id>/visibility/", sharing.AgentVisibility.as_view()),
    path("agents/<str:agent_id>/grants/", sharing.AgentGrantList.as_view()),
    path("agents/<str:agent_id>/grants/<str:grantee>/", sharing.AgentGrantDetail.as_view()),
    path("agents/<str:agent_id>/access/", sharing.AgentAccess.as_view()),
    path("conversations/", conversations.ConversationList.as_view()),
    path("conversations/<str:conversation_id>/", conversations.ConversationDetail.as_view()),
    path("conversations/<str:conversation_id>/messages/", conversations.MessageList.as_view()),
    path("conversations/<str:conversation_id>/grants/", sharing.ConversationGrantList.as_view()),
    path("conversations/<str:conversation_id>/grants/<str:grantee>/", sharing.ConversationGrantDetail.as_view()),
    path("conversations/<str:conversation_id>/access/", sharing.ConversationAccess.as_view()),
    path("runs/", runs.RunList.as_view()),
    path("runs/<str:run_id>/", runs.RunDetail.as_view()),
    path("runs/<str:run_id>/events/", runs.RunEvents.as_view()),
    path("runs/<str:run_id>/cancel/", runs.RunCancel.as_view()),
    path("runs/<str:run_id>/retry/", runs.RunRetry.as_view()),
    path("runs/<str:run_id>/continue/", runs.RunContinue.as_view()),
    path("runs/<str:run_id>/stream/", run_stream),
    path("decisions/", decisions.DecisionList.as_view()),
    path("decisions/<str:decision_id>/", decisions.DecisionDetail.as_view()),
    path("decisions/<str:decision_id>/resolve/", decisions.DecisionResolve.as_view()),
    path("usage/", runs.UsageSummary.as_view()),
]
