"""Production: keys come from outside, cookies are secure, weak settings are refused by platform_site.checks."""

from platform_site import env
from platform_site.settings.base import *  # noqa: F403

PRODUCTION = True
ENVIRONMENT = env.read_text("AAP_ENVIRONMENT", "production")
# Browsers take a cookie of such a name over TLS only: nobody on an unencrypted line can plant one of their own. They belong
# to one path, so the stronger __Host- is not for them.
SESSION_COOKIE_NAME = "__Secure-aap_admin"
CSRF_COOKIE_NAME = "__Secure-aap_admin_csrf"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
