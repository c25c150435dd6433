"""For operators: whether every stored key can be read and every enabled provider reached. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.errors import DomainError
from llm_providers.connecting import try_connection
from llm_providers.credentials import access_to
from llm_providers.errors import ProviderError
from llm_providers.models import Provider


@dataclass(frozen=True, slots=True)
class Checkup:
    """How one provider does. `unread`: its key could not be decrypted, which no retry will mend."""

    name: str
    workspace: str
    state: Literal["ok", "unread", "unreached", "not asked"]
    detail: str


def check_providers(*, reach: bool, seconds: float = 5.0) -> Iterator[Checkup]:
    """One after the other. `reach` False: keys are opened and nobody is asked."""
    rows = Provider.objects.filter(enabled=True).select_related("credential", "workspace").order_by("workspace", "name")
    for provider in rows:
        try:
            access = access_to(provider)
        except (ProviderError, DomainError) as error:
            yield Checkup(provider.name, provider.workspace.slug, "unread", error.detail)
            continue
        if not reach:
            yield Checkup(provider.name, provider.workspace.slug, "not asked", "")
            continue
        report = try_connection(access, seconds=seconds, keep=False)
        yield Checkup(provider.name, provider.workspace.slug, "ok" if report.ok else "unreached", report.detail)
