from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "platform_site"
    verbose_name = "Platform"

    def ready(self) -> None:
        from django.conf import settings
        from django.contrib import admin

        from platform_site import checks  # noqa: F401  # registers the start-up checks
        from platform_site.logs import configure_logging
        from platform_site.sentry import start_sentry

        configure_logging(settings.LOG_LEVEL)
        admin.site.index_title = "Overview"
        if settings.SENTRY_DSN:
            start_sentry(settings.SENTRY_DSN, release=settings.RELEASE, environment=settings.ENVIRONMENT)
