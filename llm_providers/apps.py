from django.apps import AppConfig


class LlmProvidersConfig(AppConfig):
    name = "llm_providers"
    verbose_name = "Providers and models"
    default_auto_field = "django.db.models.BigAutoField"
