"""The first set-up: one person, one workspace, allowed once, by the code that the server printed."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import unicodedata

from django.conf import settings
from django.db import transaction

from accounts.models import Installation, Membership, User, Workspace, clean_email
from accounts.passwords import check_password_rules
from accounts.roles import Role
from audit.action import Action, action
from core.authz import Actor
from core.clock import now
from core.errors import Conflict, PermissionDenied, ValidationFailed
from core.ids import new_id
from core.request_context import current_request_id

_code: str | None = None


def installation() -> Installation:
    """The installation's row, made on first use."""
    row, _ = Installation.objects.get_or_create(pk=1, defaults={"name_id": new_id("ins")[-8:]})
    return row


def is_set_up() -> bool:
    return installation().set_up_at is not None


def issue_code() -> str:
    """A code of 128 bits, good until it is used: a fresh one that lives in this process only.

    Where there are several servers, the one that gets the link need not be the one that printed it: there it is the same in
    all of them, made of the installation's key.
    """
    global _code
    if settings.REDIS_URL or not settings.SERVE_WORKER:
        words = f"set-up:{installation().name_id}".encode()
        digest = hmac.digest(settings.SECRET_KEY.encode(), words, "sha256")
        _code = base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
    else:
        _code = secrets.token_urlsafe(16)
    return _code


def set_up(*, code: str, email: str, password: str, workspace: str, ip: str | None) -> tuple[User, Workspace]:
    """Make the first person and workspace.

    Conflict `already_set_up` when it has been done, PermissionDenied `wrong_code`, ValidationFailed on the password.
    Two at once: the installation's row is locked, so one of them comes second.
    """
    global _code
    actor = Actor("system", None, "set-up", None, request_id=current_request_id(), ip=ip)
    _refuse_strangers(installation(), code)
    user = User(email=clean_email(email), is_staff=True, is_superuser=True)
    check_password_rules(password, user)  # may ask a server elsewhere: before the row is locked
    user.set_password(password)
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=1)
        _refuse_strangers(row, code)
        made = _make_first_workspace(actor, user=user, name=workspace)
        row.set_up_at = now()
        row.save()
    _code = None
    return made


def _refuse_strangers(row: Installation, code: str) -> None:
    right = _code is not None and hmac.compare_digest(_code.encode(), code.encode("utf-8", "replace"))
    if not right:  # perhaps because somebody else was faster, after the row was read
        row.refresh_from_db(fields=["set_up_at"])
    if row.set_up_at is not None:
        raise Conflict("This installation is set up already. Sign in instead.", code="already_set_up")
    if not right:
        raise PermissionDenied(
            "The code is not right. Open the link that the server printed last in its terminal.", code="wrong_code"
        )


@action("workspace.set_up", requires=None)
def _make_first_workspace(act: Action, *, user: User, name: str) -> tuple[User, Workspace]:
    """The installation was set up: its first person and workspace were made."""
    if User.objects.filter(email=user.email).exists():
        raise ValidationFailed.on("email", "taken", "There is a person with this e-mail address already.")
    user.save()
    workspace = Workspace.objects.create(slug=free_slug(name), name=name)
    Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    act.workspace_id = workspace.id
    act.target(workspace)
    act.record(user=user.id)
    return user, workspace


def free_slug(name: str) -> str:
    """A slug from a name that no workspace has yet."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40] or "workspace"
    if base.startswith("wsp"):
        base = f"w-{base}"
    slug, number = base, 1
    while Workspace.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug
