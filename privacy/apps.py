from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "privacy"
    verbose_name = "Privacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from privacy.erasure import register_erasures
        from privacy.retention import register_retention

        register_erasures()
        register_retention()
