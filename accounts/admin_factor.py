"""The second factor in forms of the operator admin: read from what was posted, and what to show again when it was wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from accounts.second_factor.challenges import Asked
from accounts.second_factor.proofs import RECOVERY, TOTP, WEBAUTHN
from core.text_policy import BadText, refuse_bad

METHODS = (TOTP, WEBAUTHN, RECOVERY)
FIELDS = ("challenge", "method", "response", "options")
_LONGEST = 16_384


def read_answer(posted: Mapping[str, Any], *, prefix: str = "") -> tuple[dict[str, Any] | None, Asked | None]:
    """(what `answer` takes, the question once more); None for what is no answer, or no question of ours."""
    given = {name: str(posted.get(prefix + name) or "") for name in FIELDS}
    method, response = given["method"] or TOTP, given["response"]
    if method not in METHODS or any(len(text) > _LONGEST for text in given.values()):
        return None, None
    try:
        for text in given.values():
            refuse_bad(text)
        options = json.loads(given["options"] or "null")
    except (BadText, ValueError, RecursionError):
        return None, None
    shown = options if isinstance(options, dict) else None
    asked = Asked(given["challenge"], [TOTP, RECOVERY, *([WEBAUTHN] if shown else [])], shown)
    try:
        answered: Any = json.loads(response) if method == WEBAUTHN else response
    except (ValueError, RecursionError):
        return None, asked
    return {"challenge": given["challenge"], "method": method, "response": answered}, asked
