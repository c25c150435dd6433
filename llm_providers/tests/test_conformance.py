"""Every adapter, on its real SDK, against the vendors' mock."""

from __future__ import annotations

from typing import Any

import pytest

from llm_providers.protocol import Access, ProviderKind
from llm_providers.registry import adapter_for
from llm_providers.testing.conformance import KEY, AdapterConformance, Subject

pytestmark = pytest.mark.slow


def subject_of(
    kind: ProviderKind, vendor: str, path: str, model: str, thinker: str | None = None, **options: Any
) -> Subject:
    access = Access(
        kind=kind, identity=f"{kind}{options}", base_url=f"http://{vendor}{path}", api_key=KEY, options=options
    )
    # Ollama sends a call in one piece: there is nothing to cut within it. The mock's Ollama counts no tokens.
    skips = frozenset({"test_a_cut_call_never_becomes_ready", "test_usage"} if kind == "ollama" else ())
    return Subject(adapter_for(kind), access, model, thinker, skips)


class TestOpenAI(AdapterConformance):
    @pytest.fixture
    def subject(self, allowed_vendor: str) -> Subject:
        return subject_of("openai", allowed_vendor, "/v1", "gpt-4o", "o3")


class TestOpenAICompatible(AdapterConformance):
    @pytest.fixture
    def subject(self, allowed_vendor: str) -> Subject:
        return subject_of("openai_compatible", allowed_vendor, "/v1", "gpt-4o", "deepseek-reasoner")


class TestAzure(AdapterConformance):
    @pytest.fixture
    def subject(self, allowed_vendor: str) -> Subject:
        return subject_of(
            "azure_openai", allowed_vendor, "", "gpt-4o", None, api_version="2024-10-21", deployments=["gpt-4o"]
        )


class TestAnthropic(AdapterConformance):
    @pytest.fixture
    def subject(self, allowed_vendor: str) -> Subject:
        return subject_of("anthropic", allowed_vendor, "", "claude-sonnet-4-5", "claude-sonnet-4-5", thinking=2048)


class TestOllama(AdapterConformance):
    @pytest.fixture
    def subject(self, allowed_vendor: str) -> Subject:
        return subject_of("ollama", allowed_vendor, "", "llama3.2")
