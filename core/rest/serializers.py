"""Serializers that refuse what they do not know, and fields that keep the text policy."""

from __future__ import annotations

import json
import math
from typing import Any

from rest_framework import serializers

from core.money import Money
from core.text_policy import BadText, normal_name, refuse_bad

MAX_JSON_DEPTH = 20


class StrictSerializer(serializers.Serializer):
    """Input of one operation. An unknown field is an error on that field, never silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {
                        refuse_surrogates(name)[:100]: [
                            serializers.ErrorDetail("There is no such field here. Remove it.", code="unknown_field")
                        ]
                        for name in unknown[:20]
                    }
                )
        return super().to_internal_value(data)


def refuse_surrogates(text: str) -> str:
    """`text` made safe to say back in an answer."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


class TextField(serializers.CharField):
    """Text from a person, kept to the letter: no trimming; `max_bytes` counts UTF-8."""

    default_error_messages = {
        "bad_text": "Null characters and half surrogate pairs cannot be stored. Remove them and try again.",
        "too_long": "This is too long: at most {max_bytes} bytes, this has {length}.",
        "not_text": "This must be text.",
    }

    def __init__(self, *, max_bytes: int = 65_536, **kwargs: Any) -> None:
        self.max_bytes = max_bytes
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)
        # DRF's own check for U+0000 would answer with another code.
        self.validators = [v for v in self.validators if "ProhibitNull" not in type(v).__name__]

    def run_validation(self, data: Any = serializers.empty) -> Any:  # type: ignore[override]
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("not_text")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        try:
            text = refuse_bad(super().to_internal_value(data))
        except BadText:
            self.fail("bad_text")
        length = len(text.encode())
        if length > self.max_bytes:
            self.fail("too_long", max_bytes=self.max_bytes, length=length)
        return text


class NameField(TextField):
    """A name: NFC, no outer white space, one line, 1 to 120 characters."""

    default_error_messages = {"control": "A name is one line without control characters."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 120)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = normal_name(super().to_internal_value(data))
        if not name and not self.allow_blank:
            self.fail("blank")
        if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in name):
            self.fail("control")
        return name


class IdField(TextField):
    """An id as we hand them out. Whether it names anything is for the service to say."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        super().__init__(**kwargs)


class StrictBooleanField(serializers.BooleanField):
    """true or false and nothing else; DRF's own takes "yes" and 1."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        self.fail("invalid", input=data)
        raise AssertionError


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer; strings, booleans and fractions are refused."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class BoundedJSONField(serializers.JSONField):
    """A JSON object of limited size and depth, with the text policy on every string in it."""

    default_error_messages = {
        "not_object": "This must be a JSON object.",
        "too_big": "This is too large: at most 16 KiB of JSON.",
        "too_deep": "This is nested too deeply: at most 20 levels.",
        "bad_text": "Null characters and half surrogate pairs cannot be stored. Remove them and try again.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_object")
        check_depth(data, lambda: self.fail("too_deep"))
        text = json.dumps(data, ensure_ascii=False)
        try:
            refuse_bad(text)
            encoded = text.encode()
        except (BadText, UnicodeEncodeError):
            self.fail("bad_text")
        if "\\u0000" in text:
            self.fail("bad_text")
        if len(encoded) > 16_384:
            self.fail("too_big")
        return data


def check_depth(value: Any, too_deep: Any, depth: int = 0) -> None:
    """Call `too_deep` if `value` is nested beyond the limit or holds a number JSON cannot carry."""
    if depth > MAX_JSON_DEPTH or (isinstance(value, float) and not math.isfinite(value)):
        too_deep()
    if isinstance(value, dict):
        for item in value.values():
            check_depth(item, too_deep, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_depth(item, too_deep, depth + 1)


class MoneyOut(serializers.Serializer):
    """An amount, exact, with its currency."""

    amount = serializers.CharField(help_text="Decimal number as a string.")
    currency = serializers.CharField()

    def to_representation(self, instance: Any) -> Any:
        return instance.as_json() if isinstance(instance, Money) else instance


class PersonOut(serializers.Serializer):
    """A person as others in the workspace see them."""

    id = serializers.CharField()
    email = serializers.EmailField()
    name = serializers.CharField()
