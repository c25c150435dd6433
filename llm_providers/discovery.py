"""What could be connected without typing anything: the local Ollama, keys in the server's environment, the demo.

Keys are offered by name and their last characters; nothing here uses or shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from llm_providers.connecting import try_connection
from llm_providers.credentials import effective_base_url, make_access
from llm_providers.registry import kind_info
from llm_providers.services.validation import ENVIRONMENT_KEY
from llm_providers.vault import hint_of

OLLAMA_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can be connected with one click."""

    kind: str
    name: str
    source: Literal["local", "environment", "builtin"]
    base_url: str
    reachable: bool
    models: list[str]
    key_hint: str | None
    detail: str


def discover() -> list[Found]:
    """Asks the local Ollama (at most 3 seconds) and nobody else."""
    return [_ollama(), *_from_environment(), _demo()]


def _ollama() -> Found:
    url = effective_base_url("ollama", "")
    report = try_connection(make_access("ollama", url, None, {}), seconds=OLLAMA_SECONDS, keep=False)
    return Found("ollama", "Ollama", "local", url, report.ok, report.models, None, report.detail)


def _from_environment() -> list[Found]:
    environment: Mapping[str, str] = settings.VENDOR_ENVIRONMENT
    found = []
    for kind, variable in ENVIRONMENT_KEY.items():
        key, info = environment.get(variable), kind_info(kind)
        if not key or info is None:
            continue
        url = environment.get("AZURE_OPENAI_ENDPOINT", "") if kind == "azure_openai" else info.default_base_url
        hint = hint_of(key)
        detail = f"The server's environment holds {variable}. It is used only if you choose it here."
        found.append(Found(kind, info.label, "environment", url, True, [], f"…{hint}" if hint else None, detail))
    return found


def _demo() -> Found:
    return Found(
        "demo",
        "Demo (no AI)",
        "builtin",
        "",
        True,
        ["demo"],
        None,
        "Works without a key or a network. Good for a first look.",
    )
