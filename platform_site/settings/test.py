"""The test suite: like the quickstart, with a scratch DATA_DIR, and PostgreSQL when TEST_DATABASE_URL names one."""

from platform_site import env
from platform_site.settings import base
from platform_site.settings.base import *  # noqa: F403

_POSTGRES = env.read("TEST_DATABASE_URL")
DATABASES = {"default": env.parse_database_url(_POSTGRES)} if _POSTGRES else base.DATABASES
DATABASES["default"]["TEST"] = {"NAME": "test_platform" if _POSTGRES else str(base.DATA_DIR / "test.sqlite3")}
RATE_LIMITS = "off"
SERVE_WORKER = False
LOG_LEVEL = "WARNING"
(base.DATA_DIR / "static").mkdir(exist_ok=True)
