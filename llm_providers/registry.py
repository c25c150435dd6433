"""The kinds of providers there are, and the way to their adapters. Alone imports `adapters`, each lazily."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from llm_providers.protocol import Access, ProviderAdapter, ProviderKind

OptionType = Literal["text", "integer", "boolean", "names", "text_or_integer"]


@dataclass(frozen=True, slots=True)
class KindInfo:
    """What people must know to connect one. `options` names the options and what each holds; no others are accepted."""

    kind: ProviderKind
    label: str
    needs_key: bool
    needs_base_url: bool
    default_base_url: str
    local: bool
    help: str
    sdk: str
    adapter: str
    options: dict[str, OptionType] = field(default_factory=dict)


_KINDS: dict[ProviderKind, KindInfo] = {
    info.kind: info
    for info in (
        KindInfo(
            "ollama", "Ollama", False, False, "http://localhost:11434", True,
            "Models on your own machine. Install Ollama, pull a model, and it appears here.",
            "ollama", "ollama:OllamaAdapter",
            {"num_ctx": "integer", "think": "boolean", "keep_alive": "text"},
        ),
        KindInfo(
            "openai", "OpenAI", True, False, "https://api.openai.com/v1", False,
            "Make a key at platform.openai.com under API keys.",
            "openai", "openai:OpenAIAdapter",
            {"organization": "text", "project": "text", "reasoning_summary": "text"},
        ),
        KindInfo(
            "anthropic", "Anthropic", True, False, "https://api.anthropic.com", False,
            "Make a key in the Claude console under API keys.",
            "anthropic", "anthropic:AnthropicAdapter",
            {"thinking": "text_or_integer"},
        ),
        KindInfo(
            "azure_openai", "Azure OpenAI", True, True, "", False,
            "The endpoint of your Azure OpenAI resource, and one of its keys. A model is a deployment's name.",
            "openai", "azure_openai:AzureOpenAIAdapter",
            {"api_version": "text", "deployments": "names"},
        ),
        KindInfo(
            "openai_compatible", "OpenAI-compatible", False, True, "", False,
            "Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, LM Studio, Mistral, Groq, OpenRouter. "
            "The address usually ends in /v1.",
            "openai", "openai_compatible:OpenAICompatibleAdapter",
            {"models": "names"},
        ),
        KindInfo(
            "demo", "Demo (no AI)", False, False, "", True,
            "No key, no network, no AI: a stand-in to try the product with.",
            "", "demo:DemoAdapter",
        ),
    )
}  # fmt: skip
assert set(_KINDS) == set(get_args(ProviderKind))


def kinds() -> tuple[KindInfo, ...]:
    """All kinds, in the order in which people are offered them."""
    return tuple(_KINDS.values())


def kind_info(kind: str) -> KindInfo | None:
    return _KINDS.get(cast(ProviderKind, kind))


def adapter_for(kind: str) -> ProviderAdapter:
    """The adapter of a kind; KeyError for an unknown one. Importing an adapter imports no SDK."""
    module, _, name = _KINDS[cast(ProviderKind, kind)].adapter.partition(":")
    adapter: ProviderAdapter = getattr(importlib.import_module(f"llm_providers.adapters.{module}"), name)()
    return adapter


def forget_connection(access: Access) -> None:
    """Drop what was kept for a connection that was only tried out."""
    importlib.import_module("llm_providers.adapters.clients").forget_client(access)
