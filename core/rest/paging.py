"""Cursor paging over a named ordering: stable while rows come and go, and as cheap on page 1,000 as on page 1."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Model, Q, QuerySet

from core.errors import ValidationFailed
from core.text_policy import BadText, refuse_bad

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def read_limit(raw: str | None, *, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """`?limit=` as a number from 1 to `maximum`; ValidationFailed on anything else."""
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 6 and 1 <= int(raw) <= maximum):
        raise ValidationFailed.on("limit", "invalid", f"limit must be a whole number from 1 to {maximum}.")
    return int(raw)


def encode_cursor(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def decode_cursor(raw: str, length: int) -> list[Any]:
    """The values of a cursor of ours; ValidationFailed for anything that is not one."""
    try:
        refuse_bad(raw)
        values = orjson.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        if len(raw) > 1000 or not isinstance(values, list) or len(values) != length:
            raise ValueError
        return [_plain(value) for value in values]
    except (ValueError, binascii.Error, BadText):
        raise ValidationFailed.on(
            "cursor", "invalid", "This cursor is not one of ours. Start without a cursor."
        ) from None


def _plain(value: Any) -> Any:
    if not isinstance(value, (str, int, float, bool)):
        raise ValueError
    if isinstance(value, str):
        refuse_bad(value)
    return value


def page(
    queryset: QuerySet[Any], *, ordering: Sequence[str], limit: int, cursor: str | None
) -> tuple[list[Any], str | None]:
    """Up to `limit` rows in `ordering` (last key unique) after `cursor`, and the cursor of the next page or None."""
    names = [name.lstrip("-") for name in ordering]
    if cursor is not None:
        queryset = queryset.filter(_after(queryset.model, ordering, decode_cursor(cursor, len(names))))
    rows = list(queryset.order_by(*ordering)[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode_cursor([getattr(rows[-1], name) for name in names])


def _after(model: type[Model], ordering: Sequence[str], values: list[Any]) -> Q:
    """Rows strictly after `values`: (a < x) or (a = x and b < y) …"""
    result, equal = Q(), Q()
    for key, raw in zip(ordering, values, strict=True):
        name, operator = key.lstrip("-"), "lt" if key.startswith("-") else "gt"
        try:
            field: Any = model._meta.get_field(name)
            value = field.to_python(raw)
            if isinstance(value, str) != isinstance(raw, str) and not isinstance(value, datetime):
                raise ValueError
        except Exception:
            raise ValidationFailed.on(
                "cursor", "invalid", "This cursor is not one of ours. Start without a cursor."
            ) from None
        result |= equal & Q(**{f"{name}__{operator}": value})
        equal &= Q(**{name: value})
    return result
