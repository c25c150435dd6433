from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import admin_sign_ins  # noqa: F401  # hears the admin's sign-ins
        from accounts.mail import SEALED
        from accounts.mail_delivery import register_mails
        from accounts.roles import granters_of
        from core.authz import name_granters_with
        from core.cipher import register_sealed_column

        name_granters_with(granters_of)
        register_mails()
        register_sealed_column(SEALED)
