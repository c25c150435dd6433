"""What several modules of tests begin with."""

from accounts.tests.directory import corp, directory  # noqa: F401
