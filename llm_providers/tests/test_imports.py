"""Starting the product loads no vendor's SDK and no HTTP client; warming up loads the SDKs of connected providers only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llm_providers.models import Provider

START = """
import sys, django
django.setup()
import llm_providers.gateway, llm_providers.api.urls, llm_providers.warm, llm_providers.discovery, llm_providers.admin
from llm_providers.registry import adapter_for, kinds
for info in kinds():
    adapter_for(info.kind)
heavy = {"openai", "anthropic", "ollama", "httpx", "httpx2", "genai_prices"} & set(sys.modules)
sys.exit(repr(sorted(heavy)) if heavy else 0)
"""


def test_no_sdk_is_loaded_at_start() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.django_db(transaction=True)
async def test_warming_up_loads_what_is_connected(workspace: object) -> None:
    from llm_providers.warm import warm_configured

    await Provider.objects.acreate(workspace=workspace, kind="openai_compatible", name="A")
    await Provider.objects.acreate(workspace=workspace, kind="demo", name="B")
    await warm_configured()
    assert "openai.resources.chat" in sys.modules
