"""What a connection may look like: every refusal names its field. Asks no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from core.egress import EgressRefused, parse_url
from core.egress.guard import judge_target
from core.errors import ValidationFailed
from llm_providers.credentials import effective_base_url, origin_of
from llm_providers.registry import KindInfo, kind_info, kinds

MAX_KEY = 4_096
MAX_NAMES = 500
ENVIRONMENT_KEY = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
}


def require_kind(kind: str) -> KindInfo:
    info = kind_info(kind)
    if info is None:
        known = ", ".join(item.kind for item in kinds())
        raise ValidationFailed.on("kind", "invalid_choice", f"There is no such kind of provider. Kinds are: {known}.")
    return info


def clean_base_url(info: KindInfo, base_url: str) -> str:
    """The address in its one spelling, "" for the kind's own; ValidationFailed on `base_url`."""
    if not base_url:
        if info.needs_base_url:
            raise ValidationFailed.on("base_url", "required", f"{info.label} needs an address.")
        return ""
    if info.kind == "demo":
        raise ValidationFailed.on("base_url", "not_allowed", "The demo provider has no address.")
    try:
        target = parse_url(base_url)
        judge_target(target)
    except EgressRefused as error:
        raise ValidationFailed.on("base_url", "not_allowed", error.detail) from None
    return target.url


def clean_key(info: KindInfo, api_key: str | None) -> str | None:
    """The key as it is sent, None for none; ValidationFailed on `api_key`."""
    key = (api_key or "").strip()
    if not key:
        if info.needs_key:
            raise ValidationFailed.on("api_key", "required", f"{info.label} needs a key. {info.help}")
        return None
    if info.kind == "demo":
        raise ValidationFailed.on("api_key", "not_allowed", "The demo provider takes no key.")
    if len(key) > MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ValidationFailed.on("api_key", "invalid", "This is not a key: it holds spaces or unusual characters.")
    return key


def environment_key(info: KindInfo, base_url: str) -> tuple[str, str]:
    """(key, base_url) from the server's environment. It goes to the vendor's own address and nowhere else.

    Else whoever may edit providers could send the operator's key to a server of their own.
    """
    found: Mapping[str, str] = settings.VENDOR_ENVIRONMENT
    name = ENVIRONMENT_KEY.get(info.kind, "")
    key = found.get(name)
    if not key:
        raise ValidationFailed.on(
            "use_environment_key", "not_found", f"The server's environment holds no key for {info.label}."
        )
    own = found.get("AZURE_OPENAI_ENDPOINT", "") if info.kind == "azure_openai" else info.default_base_url
    chosen = base_url or (own if info.kind == "azure_openai" else "")
    if origin_of(info.kind, chosen) != origin_of(info.kind, own) or not origin_of(info.kind, own):
        where = effective_base_url(info.kind, own) or "the address in AZURE_OPENAI_ENDPOINT"
        raise ValidationFailed.on("base_url", "not_allowed", f"The server's own key is only sent to {where}.")
    return key, chosen


def clean_options(info: KindInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, each of the type that the kind declares; ValidationFailed on `options.<name>`."""
    clean: dict[str, Any] = {}
    for name, value in options.items():
        wanted = info.options.get(name)
        if wanted is None:
            known = ", ".join(info.options) or "none"
            raise ValidationFailed.on(
                f"options.{name}"[:200], "unknown_option", f"There is no such option. Options are: {known}."
            )
        if value is None:
            continue
        good = {
            "text": _is_text(value),
            "integer": _is_count(value),
            "boolean": isinstance(value, bool),
            "names": isinstance(value, list) and len(value) <= MAX_NAMES and all(_is_text(item) for item in value),
            "text_or_integer": _is_text(value) or _is_count(value),
        }[wanted]
        if not good:
            raise ValidationFailed.on(f"options.{name}", "invalid", f"This must be {wanted.replace('_', ' ')}.")
        clean[name] = value
    return clean


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 100_000_000
