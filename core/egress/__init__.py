"""The one way out of the house: every outbound connection is judged and made here.

Three rules hold everywhere. A URL is parsed once, and that object is used for the check and for the connection
(`urls.parse_url`). A name is resolved once, every address of it is judged, and the judged address is the one connected
to (`guard.judge`, `connect.connect`). Nothing follows a redirect and nothing reads proxy settings from the environment:
a proxy would make the connection for us, to an address that nobody judged.

`transport` makes a transport under httpx2 and under httpx; the libraries are imported where they are needed, never here:
importing one costs start-up time.
"""

from core.egress.errors import EgressFailed, EgressRefused, EgressTimedOut
from core.egress.guard import Address, Resolver, judge
from core.egress.urls import Target, parse_url

__all__ = ["Address", "EgressFailed", "EgressRefused", "EgressTimedOut", "Resolver", "Target", "judge", "parse_url"]
