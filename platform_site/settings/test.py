"""The test suite: like the quickstart, with a scratch DATA_DIR, and PostgreSQL when TEST_DATABASE_URL names one."""

from platform_site import env
from platform_site.settings.base import *  # noqa: F403
from platform_site.settings.base import DATA_DIR

_POSTGRES = env.read("TEST_DATABASE_URL")
if _POSTGRES:
    DATABASES = {"default": env.parse_database_url(_POSTGRES)}
    DATABASES["default"]["TEST"] = {"NAME": "test_platform"}
else:
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # type: ignore[name-defined]  # noqa: F405
RATE_LIMITS = "off"
SERVE_WORKER = False
AGENT_TOOL_MODULES = ["agents.tools.builtin"]
