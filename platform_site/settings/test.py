"""The test suite: like the quickstart, on a scratch DATA_DIR, and on PostgreSQL with TEST_DATABASE=postgres."""

from tests import scratch  # isort: skip  # before anything reads the environment

from platform_site import env
from platform_site.settings import base
from platform_site.settings.base import *  # noqa: F403

DATABASES = {"default": env.parse_database_url(scratch.POSTGRES)} if scratch.POSTGRES else base.DATABASES
DATABASES["default"]["TEST"] = (
    {"NAME": "test_platform", "TEMPLATE": scratch.MIGRATED}
    if scratch.POSTGRES
    else {"NAME": str(base.DATA_DIR / "test.sqlite3")}
)
RATE_LIMITS = "off"
SERVE_WORKER = False
PASSWORD_HASHERS = ["tests.fixtures.hashing.QuickArgon2"]
LOG_LEVEL = "WARNING"
(base.DATA_DIR / "static").mkdir(exist_ok=True)
