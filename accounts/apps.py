from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import admin_sign_ins  # noqa: F401  # hears the admin's sign-ins
        from accounts.roles import granters_of
        from core.authz import name_granters_with

        name_granters_with(granters_of)
