"""Making, changing, publishing and deleting agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from agents.models import Agent, AgentVersion
from agents.selectors.agents import DEFAULT_LIMITS, content_hash, draft_content, version_content, versions_of
from agents.tools.registry import find_tool
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.errors import Conflict, FieldError, NotFound, PreconditionFailed, ValidationFailed
from llm_providers.selectors import find_model


@action("agent.create", requires=Permission.AGENT_CREATE)
def create_agent(act: Action, *, name: str, description: str = "", **draft: Any) -> Agent:
    """An agent was made."""
    agent = Agent(workspace_id=act.workspace_id, owner_id=act.person_id, name=name, description=description)
    _change_draft(act.actor, agent, draft)
    agent.save()
    act.target(agent)
    return agent


@action("agent.update", requires=Permission.AGENT_EDIT, on="agent")
def update_agent(act: Action, *, agent: Agent, only_if: int | None = None, **changes: Any) -> Agent:
    """An agent's name, description or draft was changed."""
    lock_agent(agent, only_if=only_if)
    act.record(fields=sorted(changes))
    for field in ("name", "description"):
        if field in changes:
            setattr(agent, field, changes.pop(field))
    _change_draft(act.actor, agent, changes)
    agent.revision += 1
    agent.save()
    return agent


@action("agent.publish", requires=Permission.AGENT_PUBLISH, on="agent")
def publish_agent(act: Action, *, agent: Agent, notes: str = "") -> AgentVersion:
    """An agent's draft was published as a new version."""
    agent = Agent.objects.select_for_update(of=("self",)).select_related("published", "draft_model").get(pk=agent.pk)
    problems = draft_problems(act.actor, agent)
    if problems:
        raise ValidationFailed("The draft is not ready to publish.", code="draft_incomplete", errors=problems)
    content = draft_content(agent)
    if agent.published is not None and content_hash(version_content(agent.published)) == content_hash(content):
        raise Conflict(
            f"The draft is the same as version {agent.published.number}. Change something first.",
            code="nothing_to_publish",
        )
    latest = versions_of(agent).aggregate(latest=Max("number"))["latest"] or 0
    version = _snapshot(agent, number=latest + 1, notes=notes, published_by_id=act.actor.user_id)
    version.save()
    agent.published = version
    agent.revision += 1
    agent.save()
    act.record(version=version.number, hash=version.content_hash)
    return version


@action("agent.restore_version", requires=Permission.AGENT_EDIT, on="agent")
def restore_version(act: Action, *, agent: Agent, version: AgentVersion) -> Agent:
    """A published version was copied into the draft."""
    lock_agent(agent)
    agent.draft_instructions = version.instructions
    agent.draft_model = find_model(act.actor, version.model_id)
    agent.draft_tools = [name for name in version.tools if find_tool(name)]
    agent.draft_limits = dict(version.limits)
    agent.draft_starters = list(version.starters)
    agent.revision += 1
    agent.save()
    act.record(version=version.number)
    return agent


@action("agent.delete", requires=Permission.AGENT_DELETE, on="agent")
def delete_agent(act: Action, *, agent: Agent) -> None:
    """An agent was deleted; its conversations and runs stay readable."""
    lock_agent(agent)
    agent.deleted_at = now()
    agent.revision += 1
    agent.save()


def lock_agent(agent: Agent, *, only_if: int | None = None) -> None:
    """Nobody else changes it until the transaction ends, and `agent` is what is stored now, not what the caller read.

    PreconditionFailed unless its revision is `only_if`; NotFound once it was deleted.
    """
    rows = Agent.objects.select_for_update().filter(pk=agent.pk, deleted_at=None)
    revision = rows.values_list("revision", flat=True).first()
    if revision is None:
        raise NotFound()
    if only_if is not None and revision != only_if:
        raise PreconditionFailed("Somebody else changed this since you opened it. Compare both texts, then save again.")
    if revision != agent.revision:
        agent.refresh_from_db()


def version_to_run(actor: Actor, agent: Agent, which: int | str | None) -> AgentVersion:
    """The version for a new run: the published one, a numbered one, or "draft", an unnumbered snapshot of the draft.

    Conflict `agent_not_published`, ValidationFailed for an unknown number or a draft that cannot run.
    """
    if which is None:
        if agent.published is None:
            raise Conflict(
                f"{agent.name} has no published version yet. Publish it, or try the draft beside its form.",
                code="agent_not_published",
            )
        return agent.published
    if which == "draft":
        problems = draft_problems(actor, agent)
        if problems:
            raise ValidationFailed("The draft cannot run yet.", code="draft_incomplete", errors=problems)
        draft = _snapshot(agent, number=None)
        found = AgentVersion.objects.filter(agent=agent, number=None, content_hash=draft.content_hash).first()
        if found is None:
            draft.save()
        return found or draft
    version = versions_of(agent).filter(number=which).first()
    if version is None:
        raise ValidationFailed.on("version", "unknown_version", f"{agent.name} has no version {which}.")
    return version


def draft_problems(actor: Actor, agent: Agent) -> list[FieldError]:
    """What keeps the draft from running, field by field."""
    model = find_model(actor, agent.draft_model_id) if agent.draft_model_id else None
    if model is None:
        return [FieldError("model", "required", "Choose a model for this agent.")]
    problems = []
    if not model.usable:
        problems.append(
            FieldError("model", "model_gone", f"{model.name} cannot be used any more. Choose another model.")
        )
    if agent.draft_tools and not model.capabilities.tools:
        problems.append(
            FieldError(
                "tools", "no_tool_support", f"{model.name} cannot call tools. Remove the tools or take another model."
            )
        )
    return problems


def _snapshot(agent: Agent, *, number: int | None, notes: str = "", published_by_id: str | None = None) -> AgentVersion:
    content = draft_content(agent)
    model = agent.draft_model
    return AgentVersion(
        workspace_id=agent.workspace_id,
        agent=agent,
        number=number,
        content_hash=content_hash(content),
        instructions=content["instructions"],
        model_id=content["model"],
        model_name=model.name if model else "",
        tools=content["tools"],
        limits=content["limits"],
        starters=content["starters"],
        notes=notes,
        published_by_id=published_by_id,
    )


def _change_draft(actor: Actor, agent: Agent, changes: Mapping[str, Any]) -> None:
    """Set the draft's fields that `changes` names; ValidationFailed for a model or tool that is not there."""
    if "instructions" in changes:
        agent.draft_instructions = changes["instructions"]
    if "model" in changes:
        wanted = changes["model"]
        model = find_model(actor, wanted) if wanted else None
        if wanted and model is None:
            raise ValidationFailed.on("model", "unknown_model", "There is no such model in this workspace.")
        agent.draft_model = model
    if "tools" in changes:
        names = list(dict.fromkeys(changes["tools"]))
        for name in names:
            if find_tool(name) is None:
                raise ValidationFailed.on("tools", "unknown_tool", f"There is no tool called {name[:80]!r}.")
        agent.draft_tools = names
    if "limits" in changes:
        agent.draft_limits = {**DEFAULT_LIMITS, **agent.draft_limits, **changes["limits"]}
    if "starters" in changes:
        agent.draft_starters = list(changes["starters"])
