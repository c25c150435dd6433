"""How much of what: the one table of rates. `AAP_RATE_LIMITS` is a factor on all of them.

A rule is a bucket: `burst` at once, and `per_second` flow back. What is counted is in `docs/limits.md`, which a test
compares with this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` stands in the keys and headers. `lease`: so many are taken from the store at once and handed out in this
    process; 1 where each one must be counted exactly, whatever process it comes to.

    `lasting` rules are kept in the database even where Redis is there: guessing must not start anew because Redis did.
    """

    name: str
    per_second: float
    burst: int
    lease: int = 1
    lasting: bool = False
    code: str = "too_many_requests"
    detail: str = "Too many requests."

    def times(self, factor: float) -> Rule:
        """The same with the operator's factor."""
        if factor == 1.0:
            return self
        burst = max(1, round(self.burst * factor))
        return Rule(
            self.name, self.per_second * factor, burst, min(self.lease, burst), self.lasting, self.code, self.detail
        )


ADDRESS = Rule("address", 200, 1_000, lease=20, detail="Too many requests come from your address.")
PERSON = Rule("person", 25, 100, lease=5, detail="You make too many requests.")
TOKEN = Rule("token", 25, 100, lease=5, detail="This token makes too many requests.")
WORKSPACE = Rule("workspace", 250, 1_000, lease=20, detail="This workspace makes too many requests.")

#: By what a route costs, for each person or token; a view names its class.
ROUTE_CLASSES: dict[str, Rule] = {
    "vendor": Rule("vendor", 1, 30, detail="Each of these asks a vendor."),
    "export": Rule("export", 0.1, 10, detail="Exports are large."),
    "mail": Rule("mail", 0.1, 30, detail="Each of these sends an e-mail."),
}

SOCKET = Rule("socket", 200, 2_000, lease=50, detail="Too many sockets are opened from your address.")

#: Setting out to another house writes a row, whoever does it.
SIGN_ON = Rule("sign-on", 2, 200, detail="Too many sign-ins are started from your address.")

#: Anybody may say that a page broke; each is a log line and a report.
PAGE_ERROR = Rule("page-error", 0.2, 20, detail="Too many broken pages are told of from your address.")

_GUESSING = "Too many wrong attempts. Wait a few minutes, then try again."
#: Wrong passwords, codes and links: for a name from one address, so that nobody locks the owner out from elsewhere; and for
#: an address alone, so that trying one password on many names is slow too.
GUESS_NAME = Rule("guess-name", 10 / 300, 10, lasting=True, code="too_many_attempts", detail=_GUESSING)
GUESS_ADDRESS = Rule("guess-address", 100 / 300, 100, lasting=True, code="too_many_attempts", detail=_GUESSING)

ALL_RULES = (
    *(ADDRESS, PERSON, TOKEN, WORKSPACE, *ROUTE_CLASSES.values()),
    *(SOCKET, SIGN_ON, PAGE_ERROR, GUESS_NAME, GUESS_ADDRESS),
)
