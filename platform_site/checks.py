"""What production refuses to start with: settings that are only safe on a laptop."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

MIN_DIFFERENT = 8  # of the characters of a key; 32 random hexadecimal digits hold 14 of them on average
_KNOWN = ("changeme", "secret", "django-insecure-", "password", "please-change")


@register()
def check_token_rotation(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Our sessions rotate refresh tokens in their own rows; the library's rotation would skip its blacklist in silence."""
    rotates = settings.SIMPLE_JWT.get("ROTATE_REFRESH_TOKENS", False)
    if rotates and "rest_framework_simplejwt.token_blacklist" not in settings.INSTALLED_APPS:
        return [
            Error(
                "SIMPLE_JWT rotates refresh tokens without the blacklist that makes used ones void. Take "
                "ROTATE_REFRESH_TOKENS out: accounts.sessions rotates them.",
                id="platform.E008",
            )
        ]
    return []


@register()
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Run by every management command; those that skip Django's checks ask `refusals`."""
    if not settings.PRODUCTION:
        return []
    from platform_site import env

    problems = []
    key = env.read("AAP_SECRET_KEY") or env.read_from_command("AAP_SECRET_KEY") or ""
    if (
        len(key) < settings.MIN_SECRET_LENGTH
        or len(set(key)) < MIN_DIFFERENT
        or any(word in key.lower() for word in _KNOWN)
    ):
        problems.append(
            Error(
                "AAP_SECRET_KEY is missing, short or a known example. Set it to 32 random characters or more: "
                'python -c "import secrets; print(secrets.token_urlsafe(48))"',
                id="platform.E001",
            )
        )
    if not env.is_given("AAP_ENCRYPTION_KEYS"):
        problems.append(
            Error(
                "AAP_ENCRYPTION_KEYS is missing. Set it to k1:<base64 of 32 random bytes>, and keep a copy: without it "
                "no stored key of a provider can be read.",
                id="platform.E002",
            )
        )
    if not env.is_given("AAP_AUDIT_KEYS"):
        problems.append(
            Error(
                "AAP_AUDIT_KEYS is missing. Set it to a1:<base64 of 32 random bytes>, and keep a copy outside of the "
                "database's reach: without it nobody can tell whether the audit log was changed.",
                id="platform.E006",
            )
        )
    for name in ("ENCRYPTION_KEYS", "AUDIT_KEYS"):
        if any(len(set(one)) < MIN_DIFFERENT for one in getattr(settings, name).values()):
            problems.append(
                Error(
                    f"A key in AAP_{name} is not random. Make another: "
                    'python -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"',
                    id="platform.E007",
                )
            )
    if "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("AAP_ALLOWED_HOSTS must name the hosts; * is refused.", id="platform.E003"))
    if settings.RATE_LIMITS == "off":
        problems.append(Error("AAP_RATE_LIMITS=off is for benchmarks only.", id="platform.E004"))
    if settings.DEBUG:
        problems.append(Error("DEBUG is on.", id="platform.E005"))
    return problems


def refusals() -> list[Error]:
    """All that speaks against a start; for the commands that leave out Django's slower checks."""
    return [*check_token_rotation(None), *check_production_settings(None)]
