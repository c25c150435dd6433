"""What several modules of tests begin with."""

from platform_site.tests.operators_house import operator  # noqa: F401
