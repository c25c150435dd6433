"""Bodies of the privacy endpoints."""

from __future__ import annotations

from django.conf import settings
from rest_framework import serializers

from core.rest.serializers import StrictSerializer, TextField
from privacy.models import Retention

YEARS_20 = 20 * 366


class _Days(serializers.IntegerField):
    def __init__(self, **kwargs: object) -> None:
        super().__init__(min_value=1, max_value=YEARS_20, **kwargs)  # type: ignore[arg-type]


class RetentionIn(StrictSerializer):
    conversation_days = _Days(required=False, allow_null=True)
    run_days = _Days(required=False, allow_null=True)
    usage_days = _Days(required=False, allow_null=True)
    trash_days = _Days(required=False)


class RetentionOut(serializers.Serializer):
    conversation_days = serializers.IntegerField(
        allow_null=True, help_text="Conversations that were silent for so many days are deleted; null keeps them."
    )
    run_days = serializers.IntegerField(
        allow_null=True,
        help_text="Runs are deleted so many days after their end, with their messages; null keeps them, or leaves it to "
        "the installation.",
    )
    installation_run_days = serializers.SerializerMethodField(
        help_text="What the installation does with runs where run_days is null: so many days; null keeps them."
    )
    usage_days = serializers.IntegerField(
        allow_null=True, help_text="Records of tokens and cost are deleted after so many days; null keeps them."
    )
    trash_days = serializers.IntegerField(
        help_text="Conversations that people deleted are gone for good after so many days."
    )
    updated_at = serializers.DateTimeField()

    def get_installation_run_days(self, policy: Retention) -> int | None:
        return settings.RUN_DAYS or None


class EraseIn(StrictSerializer):
    confirm = TextField(max_length=254, help_text="Your e-mail address, so that nobody does this by mistake.")


class ErasureOut(serializers.Serializer):
    id = serializers.CharField()
    code = serializers.CharField(
        help_text="Keep it: with this code the proof can be read later, by anybody who has it."
    )
    requested_at = serializers.DateTimeField()


class ProofIn(StrictSerializer):
    code = TextField(max_length=100)


class ProofOut(serializers.Serializer):
    id = serializers.CharField()
    subject = serializers.CharField(help_text="The opaque id of the person.")
    state = serializers.ChoiceField(choices=["under_way", "done"])
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    deleted = serializers.DictField(child=serializers.IntegerField(), help_text="How many rows of each kind.")
    key = serializers.CharField(help_text="The id of the installation's key that signed.")
    proof = serializers.CharField(help_text="HMAC-SHA256 over all of it.")
    genuine = serializers.BooleanField()
