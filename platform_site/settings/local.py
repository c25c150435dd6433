"""The quickstart: one process, SQLite in DATA_DIR, keys made and kept there."""

from platform_site.settings.base import *  # noqa: F403
