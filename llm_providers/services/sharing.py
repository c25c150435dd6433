"""Sharing providers."""

from __future__ import annotations

from accounts.grants import grant_actions
from audit.action import Action, action
from core.authz import Permission
from llm_providers.models import Provider
from llm_providers.sharing import PROVIDER

provider_grants = grant_actions(PROVIDER)


@action("provider.set_visibility", requires=Permission.PROVIDER_SHARE, on="provider")
def set_provider_visibility(act: Action, *, provider: Provider, visibility: str) -> None:
    """A provider was opened to its workspace, or kept to those it is shared with. Published agents go on using it."""
    row = Provider.objects.select_for_update().get(pk=provider.pk)
    row.visibility = visibility
    row.save(update_fields=["visibility", "updated_at"])
    act.record(visibility=visibility)
