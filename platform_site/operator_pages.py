"""Two pages of the operator admin about one person in one workspace: what they may do and why, and what they see.

Both only read. "View as" shows through the person's own eyes (the same selectors, with their actor) and stands in the audit
log each time it is opened; nothing can be done from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_GET

from accounts.admin_actor import admin_actor
from accounts.grants import reasons_of
from accounts.models import Membership
from accounts.operations import look_as
from accounts.sharing import SHARED
from accounts.tokens import actor_of_member
from agents.selectors.agents import agents_visible_to
from agents.selectors.runs import conversations_visible_to, newest_messages, open_runs_of, runs_visible_to
from core.authz import Actor, Permission
from core.errors import NotFound

#: So many of each kind are shown; the newest first.
SHOWN = 100


@require_GET
def effective_access(request: HttpRequest, member_id: str) -> HttpResponse:
    """Each permission and each object with its reason."""
    member = _member(request, member_id)
    held = member.held
    kinds = []
    for model, sharing in sorted(SHARED.items(), key=lambda pair: pair[1].name):
        there = {"deleted_at": None} if hasattr(model, "deleted_at") else {}
        of_workspace = model._default_manager.filter(workspace_id=member.workspace_id, **there)
        rows = list(of_workspace.order_by("-created_at")[:SHOWN])
        reached = [one for one in reasons_of(member, rows) if one["reasons"]]
        for one in reached:
            one["words"] = [_words(reason) for reason in one["reasons"]]
        kinds.append({"name": sharing.name, "rows": reached, "looked": len(rows)})
    context = {
        "member": member,
        "permissions": [{"name": one.value, "held": one in held} for one in sorted(Permission)],
        "kinds": kinds,
        "shown": SHOWN,
    }
    return _page(request, "admin/effective_access.html", context)


@require_GET
def view_as(request: HttpRequest, member_id: str) -> HttpResponse:
    """What the person sees: their agents, conversations and runs; these two open."""
    member = _member(request, member_id)
    look_as(admin_actor(request, member.workspace_id), user=member.user, workspace=member.workspace, page="overview")
    try:
        actor: Actor | None = actor_of_member(member.user_id, member.workspace_id)
    except NotFound:
        actor = None  # disabled: they see nothing
    context: dict[str, Any] = {"member": member, "shown": SHOWN, "agents": [], "conversations": [], "runs": []}
    if actor is not None:
        context["agents"] = agents_visible_to(actor).order_by("-created_at")[:SHOWN]
        context["conversations"] = conversations_visible_to(actor).order_by("-active_at")[:SHOWN]
        context["runs"] = runs_visible_to(actor).order_by("-created_at")[:SHOWN]
    return _page(request, "admin/view_as.html", context)


@require_GET
def view_conversation_as(request: HttpRequest, member_id: str, conversation_id: str) -> HttpResponse:
    """What was said in one conversation that the person sees."""
    member, actor = _eyes_of(request, member_id)
    found = get_object_or_404(conversations_visible_to(actor), pk=conversation_id)
    _on_record(request, member, "conversation", found.pk)
    context = {
        "title": found.title or "Without a title",
        "agent": found.agent,
        "messages_shown": newest_messages(most=SHOWN, conversation_id=found.pk),
        "going_on": open_runs_of(found),
    }
    return _page(request, "admin/view_as_thread.html", {"member": member, "shown": SHOWN, **context})


@require_GET
def view_run_as(request: HttpRequest, member_id: str, run_id: str) -> HttpResponse:
    """What was said in one run that the person sees, and how it ended."""
    member, actor = _eyes_of(request, member_id)
    run = get_object_or_404(runs_visible_to(actor), pk=run_id)
    _on_record(request, member, "run", run.pk)
    context = {
        "title": run.pk,
        "agent": run.agent,
        "run": run,
        "messages_shown": newest_messages(most=SHOWN, run_id=run.pk),
        "going_on": [run.pk] if run.status in run.OPEN else [],
    }
    return _page(request, "admin/view_as_thread.html", {"member": member, "shown": SHOWN, **context})


PAGES: dict[str, Callable[..., HttpResponse]] = {
    "access/<str:member_id>/": effective_access,
    "view-as/<str:member_id>/": view_as,
    "view-as/<str:member_id>/conversations/<str:conversation_id>/": view_conversation_as,
    "view-as/<str:member_id>/runs/<str:run_id>/": view_run_as,
}
urlpatterns = [path(route, admin.site.admin_view(view), name=view.__name__) for route, view in PAGES.items()]


def _member(request: HttpRequest, member_id: str) -> Membership:
    if not request.user.is_superuser:
        raise PermissionDenied
    return get_object_or_404(Membership.objects.select_related("user", "workspace", "custom_role"), pk=member_id)


def _eyes_of(request: HttpRequest, member_id: str) -> tuple[Membership, Actor]:
    """The member, and who they are now; 404 for somebody who sees nothing any more."""
    member = _member(request, member_id)
    try:
        return member, actor_of_member(member.user_id, member.workspace_id)
    except NotFound:
        raise Http404 from None


def _on_record(request: HttpRequest, member: Membership, page: str, opened: str) -> None:
    actor = admin_actor(request, member.workspace_id)
    look_as(actor, user=member.user, workspace=member.workspace, page=page, opened=opened)


def _words(reason: dict[str, Any]) -> str:
    level, by = reason["level"], reason["by"]
    return {
        "owner": "owns it",
        "role": f"the role {by} reaches all of them",
        "workspace": f"open to everybody in the workspace, to {level}",
        "grant": f"was given {level}",
        "group": f"the group {by} was given {level}",
    }[reason["why"]]


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    answer = TemplateResponse(request, template, {**admin.site.each_context(request), **context})
    answer["Cache-Control"] = "no-store"
    return answer
