from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import (
            admin_sign_ins,  # noqa: F401  # hears the admin's sign-ins
            mail,
        )
        from accounts.mail_delivery import register_mails
        from accounts.password_reset import register_resets
        from accounts.roles import granters_of
        from accounts.second_factor.adapter import SEALED
        from accounts.sso import attempts, connections, saml_keys
        from core.authz import name_granters_with
        from core.cipher import register_sealed_column

        name_granters_with(granters_of)
        register_mails()
        register_resets()
        register_sealed_column(mail.SEALED)
        for column in (SEALED, connections.SEALED, saml_keys.SEALED, *attempts.SEALED):
            register_sealed_column(column)
