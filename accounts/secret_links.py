"""Secrets that travel in a link: 256 random bits, of which only a digest is stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.conf import settings


def new_secret() -> tuple[str, str]:
    """(the secret, its digest)."""
    secret = secrets.token_urlsafe(32)
    return secret, digest_of(secret)


def digest_of(secret: str) -> str:
    """What is stored of a secret. Keyed, so that a copy of the database alone does not even tell a guess."""
    return _keyed("link", secret)


def fingerprint(text: str) -> str:
    """A stand-in for something that must not be stored a second time (a password's hash), for comparing."""
    return _keyed("fingerprint", text)


def _keyed(purpose: str, text: str) -> str:
    key = f"{settings.SECRET_KEY}:{purpose}".encode()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
