"""The schema of a list answer, for the OpenAPI document."""

from __future__ import annotations

from functools import lru_cache

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


@lru_cache(maxsize=64)
def page_of(item: type[serializers.Serializer]) -> serializers.Serializer:
    """`{"results": [item…], "next": cursor or null}`."""
    return inline_serializer(
        name=f"{item.__name__.removesuffix('Out')}Page",
        fields={
            "results": item(many=True),
            "next": serializers.CharField(allow_null=True, help_text="Cursor of the next page."),
        },
    )
