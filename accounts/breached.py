"""Whether a password is among those of known breaches: asked of a range service, by the first five digits of its SHA-1.

So the service learns neither the password nor whose it is (k-anonymity; the form of Have I Been Pwned, which others offer
for one's own network). Off unless the operator names one. A service that does not answer keeps nobody out.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging

from asgiref.sync import async_to_sync
from django.conf import settings
from prometheus_client import Counter

from core.egress import EgressFailed, EgressRefused
from core.egress.fetch import fetch

log = logging.getLogger(__name__)

#: Somebody waits for their new password: rather unasked than late.
SECONDS = 3.0
_PREFIX = 5
_ASKED = Counter(
    "aap_breached_password_questions_total", "Passwords that the service for breaches was asked about.", ["outcome"]
)
for _outcome in ("known", "unknown", "unanswered"):
    _ASKED.labels(_outcome)


def is_breached(password: str) -> bool:
    """Whether the service knows this password; no, where there is none, or none that answers."""
    if not settings.BREACHED_PASSWORDS_URL:
        return False
    # What the services are asked with, nothing is protected by it.
    digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
    try:
        status, body = async_to_sync(_ask)(f"{settings.BREACHED_PASSWORDS_URL}{digest[:_PREFIX]}")
    except (EgressFailed, EgressRefused, TimeoutError) as error:
        log.warning("the service for breached passwords did not answer: %s", type(error).__name__)
        return _told("unanswered")
    if status != 200:
        log.warning("the service for breached passwords answered %d", status)
        return _told("unanswered")
    return _told("known" if _is_in(body.decode("ascii", "replace"), digest[_PREFIX:]) else "unknown")


def _told(outcome: str) -> bool:
    _ASKED.labels(outcome).inc()
    return outcome == "known"


async def _ask(url: str) -> tuple[int, bytes]:
    # Padded: the length of the answer tells a listener nothing either.
    return await asyncio.wait_for(fetch(url, headers={"Accept": "text/plain", "Add-Padding": "true"}), SECONDS)


def _is_in(listed: str, wanted: str) -> bool:
    """`SUFFIX:COUNT` a line; a count of nothing is padding."""
    for line in listed.splitlines():
        suffix, _, count = line.strip().partition(":")
        if hmac.compare_digest(suffix.upper().encode(), wanted.encode()):
            return count.strip().isdigit() and int(count) > 0
    return False
