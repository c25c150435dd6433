from django.apps import AppConfig


class LlmProvidersConfig(AppConfig):
    name = "llm_providers"
    verbose_name = "Providers and models"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.cipher import register_sealed_column
        from llm_providers.vault import SEALED

        register_sealed_column(SEALED)
