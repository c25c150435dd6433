"""Why an outbound connection was not made. Must not know who wanted it.

EgressRefused    the address or the URL is not one that this installation connects to; nothing was sent
EgressFailed     allowed, but no connection came about: unknown name, nobody listens, TLS failed
└── EgressTimedOut   … within the time allowed for it
"""

from __future__ import annotations


class EgressRefused(Exception):
    """`detail` is for people: what was refused, and what to do. Change the address, or ask the operator to allow it."""

    code = "egress_refused"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class EgressFailed(Exception):
    """`detail` is for people: what was tried and what happened. Check that the other side runs, then try again."""

    code = "egress_failed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class EgressTimedOut(EgressFailed):
    """The connection was not ready in time."""

    code = "egress_timed_out"
