"""Providers in the operator admin: the key is written only, and every write goes through the audited services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audit.selectors import AuditEntry
from llm_providers.models import LanguageModel, Price, Provider, ProviderCredential
from tests.fixtures.doors import Client

KEY = "sk-canary-admin-0000000001"


@pytest.fixture
def operator(db: None, may_reach: Callable[..., None]) -> Client:
    from accounts.models import User

    may_reach("127.0.0.1:9")
    client = Client()
    client.force_login(User.objects.create_superuser("op@example.com", "a-long-password-1"))
    return client


def form(**fields: Any) -> dict[str, Any]:
    return {"name": "P", "base_url": "", "api_key": "", "options": "{}", "enabled": "on", **fields}


def test_a_provider_is_made_changed_tested_and_removed(operator: Client, workspace: Any) -> None:
    base = "/admin/llm_providers/provider/"
    body = form(in_workspace=workspace.pk, kind="openai_compatible", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    made = operator.post(base + "add/", body)
    assert made.status_code == 302, made.content.decode()[:3000]
    provider = Provider.objects.get()
    assert provider.health_state == "failing"
    page = operator.get(f"{base}{provider.pk}/change/")
    assert page.status_code == 200
    assert KEY not in page.content.decode()
    changed = operator.post(f"{base}{provider.pk}/change/", form(name="Q", base_url="http://127.0.0.1:9/v1"))
    assert changed.status_code == 302, changed.content.decode()[:3000]
    provider.refresh_from_db()
    assert provider.name == "Q"
    assert ProviderCredential.objects.count() == 1
    moved = operator.post(f"{base}{provider.pk}/change/", form(base_url="https://other.example.com"))
    assert moved.status_code == 200
    assert "enter the key for it again" in moved.content.decode()
    for action in ("test_connection", "sync_models"):
        done = operator.post(base, {"action": action, "_selected_action": [provider.pk]}, follow=True)
        assert "No connection" in done.content.decode()
    gone = operator.post(base, {"action": "delete_selected", "_selected_action": [provider.pk], "post": "yes"})
    assert gone.status_code == 302
    assert not Provider.objects.exists()
    kinds = set(AuditEntry.objects.values_list("kind", flat=True))
    assert {"provider.create", "provider.update", "provider.test", "provider.sync", "provider.delete"} <= kinds


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://127.0.0.1:8/", "nonsense"])
def test_wrong_addresses_are_told_at_the_field(operator: Client, workspace: Any, url: str) -> None:
    body = form(in_workspace=workspace.pk, kind="openai_compatible", base_url=url)
    answer = operator.post("/admin/llm_providers/provider/add/", body)
    assert answer.status_code == 200
    assert not Provider.objects.exists()


def test_models_prices_and_usage(operator: Client, workspace: Any) -> None:
    provider = Provider.objects.create(workspace=workspace, kind="demo", name="Demo")
    model = LanguageModel.objects.create(workspace=workspace, provider=provider, name="demo")
    answer = operator.post(f"/admin/llm_providers/languagemodel/{model.pk}/change/", {"label": "Mine", "enabled": "on"})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    model.refresh_from_db()
    assert model.label == "Mine"
    body = {
        "model": model.pk, "input": "1.5", "output": "3", "cached_input": "", "currency": "EUR",
        "valid_from_0": "2026-01-01", "valid_from_1": "00:00:00",
    }  # fmt: skip
    answer = operator.post("/admin/llm_providers/price/add/", body)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert Price.objects.get().source == "manual"
    for name in ("provider", "languagemodel", "price", "usagerecord"):
        assert operator.get(f"/admin/llm_providers/{name}/").status_code == 200
    assert {"model.update", "model.set_price"} <= set(AuditEntry.objects.values_list("kind", flat=True))
