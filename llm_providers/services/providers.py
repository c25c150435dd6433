"""Connecting, changing, testing and removing providers.

What the network says is asked outside of any transaction; the audited part that writes is short. A provider that is
down can still be created: its health says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from audit.action import Action, action, require
from core.authz import Actor, Permission
from core.clock import now
from core.errors import DomainError, NotFound, PreconditionFailed, ValidationFailed
from llm_providers.connecting import ConnectionReport, try_connection
from llm_providers.credentials import access_to, make_access, origin_of, store_key
from llm_providers.errors import ProviderError
from llm_providers.models import Provider, ProviderCredential
from llm_providers.services.syncing import Offer, look_up_offers, store_offers
from llm_providers.services.validation import (
    clean_base_url,
    clean_key,
    clean_options,
    environment_key,
    require_kind,
)


def create_provider(
    actor: Actor,
    *,
    kind: str,
    name: str,
    base_url: str = "",
    api_key: str | None = None,
    options: Mapping[str, Any] | None = None,
    use_environment_key: bool = False,
) -> Provider:
    """Connect a provider, then read its models as well as it lets us."""
    require(actor, Permission.PROVIDER_CREATE, kind="provider.create")
    url, key, chosen = _clean(kind, base_url, api_key, options or {}, use_environment_key)
    provider = _insert_provider(actor, kind=kind, name=name, base_url=url, api_key=key, options=chosen)
    sync_models(actor, provider=provider)
    provider.refresh_from_db()
    return provider


def check_connection(
    actor: Actor,
    *,
    kind: str,
    name: str = "",
    base_url: str = "",
    api_key: str | None = None,
    options: Mapping[str, Any] | None = None,
    use_environment_key: bool = False,
) -> ConnectionReport:
    """Try a connection without keeping anything of it."""
    require(actor, Permission.PROVIDER_CREATE, kind="provider.check")
    url, key, chosen = _clean(kind, base_url, api_key, options or {}, use_environment_key)
    report = try_connection(make_access(kind, url, key, chosen), keep=False)
    _record_check(actor, kind=kind, origin=origin_of(kind, url), ok=report.ok)
    return report


def test_provider(actor: Actor, *, provider: Provider) -> ConnectionReport:
    """Ask the provider for its models and keep how that went as its health."""
    require(actor, Permission.PROVIDER_EDIT, provider, kind="provider.test")
    report = _try(provider)
    _record_health(actor, provider=provider, report=report)
    return report


test_provider.__test__ = False  # type: ignore[attr-defined]  # a service, although it begins like a test


def sync_models(actor: Actor, *, provider: Provider) -> ConnectionReport:
    """Read the provider's models: new ones are added, vanished ones are marked gone, ids stay."""
    require(actor, Permission.PROVIDER_EDIT, provider, kind="provider.sync")
    report = _try(provider)
    offers = look_up_offers(provider, report.found) if report.ok else []
    _store_sync(actor, provider=provider, report=report, offers=offers)
    return report


def update_provider(actor: Actor, *, provider: Provider, only_if: int | None = None, **changes: Any) -> Provider:
    """Change `name`, `base_url`, `api_key`, `enabled` or `options`. A new origin needs the key again.

    When the connection itself changed, its models are read anew. PreconditionFailed unless its revision is `only_if`.
    """
    provider = _apply_changes(actor, provider=provider, only_if=only_if, changes=changes)
    if provider.enabled and {"base_url", "api_key", "options"} & set(changes):
        sync_models(actor, provider=provider)
        provider.refresh_from_db()
    return provider


@action("provider.delete", requires=Permission.PROVIDER_DELETE, on="provider")
def delete_provider(act: Action, *, provider: Provider) -> None:
    """A provider was removed, with its key and its models; the usage records stay."""
    act.record(kind=provider.kind)
    provider.delete()


@action("provider.create", requires=Permission.PROVIDER_CREATE)
def _insert_provider(
    act: Action, *, kind: str, name: str, base_url: str, api_key: str | None, options: dict[str, Any]
) -> Provider:
    """A provider was connected."""
    _refuse_taken_name(act.workspace_id, name)
    provider = Provider(workspace_id=act.workspace_id, kind=kind, name=name, base_url=base_url, options=options)
    _save(provider)
    if api_key is not None:
        store_key(provider, api_key)
    act.target(provider)
    act.record(kind=kind, origin=origin_of(kind, base_url), has_key=api_key is not None)
    return provider


@action("provider.update", requires=Permission.PROVIDER_EDIT, on="provider")
def _apply_changes(act: Action, *, provider: Provider, only_if: int | None, changes: dict[str, Any]) -> Provider:
    """A provider's connection was changed."""
    locked = _locked(provider)
    if only_if is not None and locked.revision != only_if:
        raise PreconditionFailed("Somebody else changed this since you opened it. Compare both, then save again.")
    info = require_kind(locked.kind)
    act.record(fields=sorted(changes))
    if "name" in changes and changes["name"] != locked.name:
        _refuse_taken_name(act.workspace_id, changes["name"])
        locked.name = changes["name"]
    if "enabled" in changes:
        locked.enabled = changes["enabled"]
    if "options" in changes:
        locked.options = clean_options(info, changes["options"])
    credential = ProviderCredential.objects.filter(provider=locked).first()
    if "base_url" in changes:
        url = clean_base_url(info, changes["base_url"])
        moved = origin_of(locked.kind, url) != origin_of(locked.kind, locked.base_url)
        if moved and credential is not None and not changes.get("api_key"):
            raise ValidationFailed.on(
                "api_key",
                "key_required",
                "The address leads somewhere else now. Enter the key again for the new address.",
            )
        locked.base_url = url
    if "api_key" in changes:
        key = clean_key(info, changes["api_key"])
        if key is not None:
            store_key(locked, key)
        elif credential is not None:
            credential.delete()
    locked.revision += 1
    _save(locked)
    return Provider.objects.select_related("credential").get(pk=locked.pk)


@action("provider.check", requires=Permission.PROVIDER_CREATE)
def _record_check(act: Action, *, kind: str, origin: str, ok: bool) -> None:
    """A connection was tried out without being kept."""
    act.record(kind=kind, origin=origin, ok=ok)


@action("provider.test", requires=Permission.PROVIDER_EDIT, on="provider")
def _record_health(act: Action, *, provider: Provider, report: ConnectionReport) -> None:
    """A provider's connection was tested."""
    act.record(ok=report.ok)
    _note_health(_locked(provider), report)


@action("provider.sync", requires=Permission.PROVIDER_EDIT, on="provider")
def _store_sync(act: Action, *, provider: Provider, report: ConnectionReport, offers: list[Offer]) -> None:
    """A provider's models were read."""
    locked = _locked(provider)
    _note_health(locked, report)
    counts = store_offers(locked, offers) if report.ok else {}
    act.record(ok=report.ok, **counts)


def _note_health(provider: Provider, report: ConnectionReport) -> None:
    provider.health_state = Provider.Health.OK if report.ok else Provider.Health.FAILING
    provider.health_detail = report.detail[:1_000]
    provider.health_checked_at = now()
    provider.save(update_fields=["health_state", "health_detail", "health_checked_at", "updated_at"])


def _try(provider: Provider) -> ConnectionReport:
    stored = Provider.objects.select_related("credential").filter(pk=provider.pk).first()
    if stored is None:
        raise NotFound()
    try:
        access = access_to(stored)
    except (ProviderError, DomainError) as error:
        return ConnectionReport(False, error.detail)
    return try_connection(access)


def _clean(
    kind: str, base_url: str, api_key: str | None, options: Mapping[str, Any], use_environment_key: bool
) -> tuple[str, str | None, dict[str, Any]]:
    """(base_url, key, options), checked as one connection."""
    info = require_kind(kind)
    if use_environment_key:
        if api_key:
            raise ValidationFailed.on("api_key", "not_allowed", "Enter a key or use the server's, not both.")
        api_key, base_url = environment_key(info, base_url)
    url = clean_base_url(info, base_url)
    return url, clean_key(info, api_key), clean_options(info, options)


def _save(provider: Provider) -> None:
    """Two people may choose the same name at the same moment: the second is told so."""
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError:
        raise _taken() from None


def _refuse_taken_name(workspace_id: str, name: str) -> None:
    if Provider.objects.filter(workspace_id=workspace_id, name=name).exists():
        raise _taken()


def _taken() -> ValidationFailed:
    return ValidationFailed.on("name", "taken", "Another provider has this name. Choose another name.")


def _locked(provider: Provider) -> Provider:
    """The row, locked until the transaction ends; NotFound if it was deleted meanwhile."""
    locked = Provider.objects.select_for_update(of=("self",)).filter(pk=provider.pk).first()
    if locked is None:
        raise NotFound()
    return locked
