from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents and runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.services import standing
        from agents.services.interjections import register_left_overs

        register_left_overs()
        standing.listen()
        standing.register_expiry()
