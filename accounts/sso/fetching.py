"""Asking an identity provider something, through the one way out of the house; what goes wrong is a SsoFailed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync

from accounts.sso.errors import SsoFailed
from core.egress import EgressFailed, EgressRefused
from core.egress.fetch import fetch as fetch_outside


def fetch(
    url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """(status, body); SsoFailed `provider_unreachable`."""
    try:
        return async_to_sync(fetch_outside)(url, form=form, headers=headers or {})
    except (EgressRefused, EgressFailed) as error:
        raise SsoFailed("provider_unreachable", error.detail) from None


def fetch_json(
    url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object at an address; SsoFailed `provider_unreachable` for everything else."""
    status, body = fetch(url, form=form, headers={"Accept": "application/json", **(headers or {})})
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if status != 200 or not isinstance(found, dict):
        said = str(found.get("error", ""))[:100] if isinstance(found, dict) else ""
        raise SsoFailed("provider_unreachable", f"{url} answered {status}{': ' + said if said else ''}.")
    return found
