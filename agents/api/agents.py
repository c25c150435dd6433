"""Agents, versions and tools over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import WorkspaceView
from agents.api import serializers as s
from agents.api.present import agent_etag, agent_json, agents_json, versions_json
from agents.models import Agent
from agents.selectors.agents import agents_visible_to, versions_of
from agents.services import agents as services
from agents.tools.registry import registered_tools
from core.authz import Permission
from core.errors import NotFound, PreconditionFailed
from core.rest.pages import page_of


class AgentView(WorkspaceView):
    """A view of one agent."""

    def agent(self, agent_id: str) -> Agent:
        found: Agent = self.find(agents_visible_to(self.actor), agent_id)
        return found

    def answer(self, agent: Agent, status: int = 200) -> Response:
        fresh = agents_visible_to(self.actor).get(pk=agent.pk)
        return self.ok(agent_json(self.actor, fresh), etag=agent_etag(fresh), status=status)


class AgentList(AgentView):
    permissions = {"GET": Permission.AGENT_VIEW, "POST": Permission.AGENT_CREATE}
    filters = ("search",)
    idempotent = True

    @extend_schema(operation_id="agents", responses=page_of(s.AgentOut), parameters=[OpenApiParameter("search", str)])
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace's agents, newest first."""
        rows = agents_visible_to(self.actor, search=self.param("search"))
        return self.page(rows, agents_json(self.actor), ordering=("-created_at", "-id"))

    @extend_schema(operation_id="agent_create", request=s.AgentIn, responses={201: s.AgentOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Make an agent; it has a draft only until it is published."""
        return self.answer(services.create_agent(self.actor, **self.read(s.AgentIn)), status=201)


class AgentDetail(AgentView):
    permissions = {
        "GET": Permission.AGENT_VIEW,
        "PATCH": Permission.AGENT_EDIT,
        "DELETE": Permission.AGENT_DELETE,
    }

    @extend_schema(operation_id="agent", responses=s.AgentOut)
    def get(self, request: Request, workspace: str, agent_id: str) -> Response:
        """One agent with its draft; the ETag is what PATCH wants as If-Match."""
        return self.answer(self.agent(agent_id))

    @extend_schema(operation_id="agent_update", request=s.AgentPatch, responses=s.AgentOut)
    def patch(self, request: Request, workspace: str, agent_id: str) -> Response:
        """Change the name, the description or the draft."""
        agent = self.agent(agent_id)
        changes = self.read(s.AgentPatch)
        self.require_match(agent_etag(agent), lambda: agent_json(self.actor, agent))
        only_if = None if self.any_match else agent.revision
        try:
            return self.answer(services.update_agent(self.actor, agent=agent, only_if=only_if, **changes))
        except PreconditionFailed:  # somebody came in between
            newer = self.agent(agent_id)
            self.require_match(agent_etag(newer), lambda: agent_json(self.actor, newer))
            raise

    @extend_schema(operation_id="agent_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, agent_id: str) -> Response:
        """Delete the agent. Its conversations and runs stay readable."""
        services.delete_agent(self.actor, agent=self.agent(agent_id))
        return self.no_content()


class AgentPublish(AgentView):
    permissions = {"POST": Permission.AGENT_PUBLISH}
    idempotent = True

    @extend_schema(operation_id="agent_publish", request=s.PublishIn, responses={201: s.PublishOut})
    def post(self, request: Request, workspace: str, agent_id: str) -> Response:
        """Freeze the draft as the next version, which everybody gets from then on."""
        agent = self.agent(agent_id)
        version = services.publish_agent(self.actor, agent=agent, **self.read(s.PublishIn))
        return self.created({"version": {"number": version.number, "hash": version.content_hash}})


class AgentVersionList(AgentView):
    permissions = {"GET": Permission.AGENT_VIEW}

    @extend_schema(operation_id="agent_versions", responses=page_of(s.VersionOut))
    def get(self, request: Request, workspace: str, agent_id: str) -> Response:
        """The published versions, newest first."""
        return self.page(versions_of(self.agent(agent_id)), versions_json, ordering=("-number",))


class AgentVersionRestore(AgentView):
    permissions = {"POST": Permission.AGENT_EDIT}

    @extend_schema(operation_id="agent_version_restore", request=s.NothingIn, responses=s.AgentOut)
    def post(self, request: Request, workspace: str, agent_id: str, number: int) -> Response:
        """Copy a published version into the draft."""
        agent = self.agent(agent_id)
        self.read(s.NothingIn)
        version = versions_of(agent).filter(number=number).first() if number < 2**31 else None
        if version is None:
            raise NotFound()
        return self.answer(services.restore_version(self.actor, agent=agent, version=version))


class ToolList(WorkspaceView):
    permissions = {"GET": Permission.TOOL_VIEW}

    @extend_schema(operation_id="tools", responses=page_of(s.ToolOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The tools that an agent can be given."""
        rows = [
            {
                "name": tool.spec.name,
                "title": tool.spec.title,
                "description": tool.spec.description,
                "effect": tool.spec.effect,
                "parameters": dict(tool.spec.parameters),
            }
            for tool in registered_tools().values()
        ]
        return self.ok({"results": rows, "next": None})
