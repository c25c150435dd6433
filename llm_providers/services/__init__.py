"""Every change to providers and models. Import from here."""

from llm_providers.services.models import set_price, update_model
from llm_providers.services.providers import (
    check_connection,
    create_provider,
    delete_provider,
    sync_models,
    test_provider,
    update_provider,
)

__all__ = [
    "check_connection",
    "create_provider",
    "delete_provider",
    "set_price",
    "sync_models",
    "test_provider",
    "update_model",
    "update_provider",
]
