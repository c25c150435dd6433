"""One module per vendor. Reached through `llm_providers.registry` only; importing this package imports no SDK."""
