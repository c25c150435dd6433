"""The tests' own process as one more of the installation behind nginx: its database, its Redis, its keys."""

from tests.settings_production import *  # noqa: F403

PASSWORD_HASHERS = ["tests.fixtures.hashing.QuickArgon2"]
LOG_LEVEL = "WARNING"
