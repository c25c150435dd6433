"""What several modules of tests begin with."""

from tests.fixtures.sharing import builder, conversation  # noqa: F401
from tests.fixtures.tampering import sealed, undone  # noqa: F401
