"""What an API token looks like and what is kept of it. Pure: reads no table.

`aap_<prefix>_<secret>`: the prefix finds the row and may be shown, the secret has 238 bits and is shown once. The digest's
key comes from the installation's secret key, so that a copy of the database alone proves nothing.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
from hashlib import sha256

from django.conf import settings

START = "aap_"
_ALPHABET = string.ascii_letters + string.digits
_SHAPE = re.compile(r"aap_([0-9a-z]{12})_[0-9A-Za-z]{40}", re.ASCII)


def new_prefix() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))


def new_token(prefix: str) -> str:
    """A token with this prefix and a fresh secret."""
    return f"{START}{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(40))}"


def prefix_in(text: str) -> str | None:
    """The prefix of a token of the right shape; None for everything else, without looking at the rest."""
    found = _SHAPE.fullmatch(text) if len(text) == len(START) + 12 + 1 + 40 else None
    return found.group(1) if found else None


def digest_of(token: str) -> str:
    return hmac.new(settings.TOKEN_PEPPER.encode(), token.encode(), sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two digests are the same, in constant time; an empty one is never."""
    return bool(one) and hmac.compare_digest(one, other)
