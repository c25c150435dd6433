"""Bodies of API tokens and service accounts, one serializer per operation."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.api.people_bodies import PermissionsField
from core.ids import ID_PATTERN
from core.rest.serializers import (
    IdField,
    NameField,
    PersonOut,
    StrictBooleanField,
    StrictIntegerField,
    StrictSerializer,
    TextField,
)


class NetworkField(TextField):
    """An address or a range of them, written the one normal way."""

    default_error_messages = {"not_a_network": "Write an address or a range, such as 192.0.2.7 or 2001:db8::/32."}

    def to_internal_value(self, data: Any) -> str:
        try:
            return str(ipaddress.ip_network(super().to_internal_value(data), strict=False))
        except ValueError:
            self.fail("not_a_network")
            raise AssertionError from None


class AgentIdField(IdField):
    """The id of an agent. Whether there is one is not said."""

    default_error_messages = {"not_an_agent": "This is not the id of an agent."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not (ID_PATTERN.match(text) and text.startswith("agt_")):
            self.fail("not_an_agent")
        return text


class ExpiryField(serializers.DateTimeField):
    """A moment to come, within ten years."""

    default_error_messages = {"not_to_come": "This must be in the future, and within ten years."}

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str):
            self.fail("invalid", format="RFC 3339")
        moment = super().to_internal_value(value)
        if not timezone.now() < moment < timezone.now() + timedelta(days=3653):
            self.fail("not_to_come")
        return moment


class TokenOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    prefix = serializers.SerializerMethodField(help_text="How the token begins.")
    owner = PersonOut(source="user")
    scopes = serializers.ListField(child=serializers.CharField())
    objects = serializers.SerializerMethodField(help_text="Ids of the only agents it reaches; null: no such limit.")
    networks = serializers.ListField(
        child=serializers.CharField(), help_text="Where it may come from; empty: anywhere."
    )
    per_minute = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    rotated_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    old_secret_until = serializers.DateTimeField(source="previous_until", allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    last_used_ip = serializers.CharField(allow_null=True)

    def get_prefix(self, row: Any) -> str:
        return f"aap_{row.prefix}_"

    def get_objects(self, row: Any) -> list[str] | None:
        return sorted(one.object_id for one in row.objects_reached.all()) if row.limited else None


class TokenSecretOut(TokenOut):
    token = serializers.CharField(allow_null=True, help_text="Shown once: null when the request is repeated.")
    replayed = serializers.BooleanField(help_text="Whether this repeats an earlier answer.")


class TokenIn(StrictSerializer):
    name = NameField()
    scopes = PermissionsField(allow_empty=False)
    objects = serializers.ListField(
        child=AgentIdField(), allow_empty=False, max_length=100, required=False, allow_null=True
    )
    networks = serializers.ListField(child=NetworkField(max_length=64), max_length=50, required=False)
    per_minute = StrictIntegerField(min_value=1, max_value=60_000, required=False, allow_null=True)
    expires_at = ExpiryField(required=False, allow_null=True)


class TokenPatch(StrictSerializer):
    name = NameField(required=False)
    scopes = PermissionsField(allow_empty=False, required=False, help_text="Some of those that it has.")
    objects = serializers.ListField(
        child=AgentIdField(),
        allow_empty=False,
        max_length=100,
        required=False,
        help_text="The only agents it reaches; of those it reaches now, if it names any.",
    )
    networks = serializers.ListField(child=NetworkField(max_length=64), max_length=50, required=False)
    per_minute = StrictIntegerField(min_value=1, max_value=60_000, required=False, allow_null=True)
    expires_at = ExpiryField(required=False, allow_null=True)


class RotateIn(StrictSerializer):
    overlap_seconds = StrictIntegerField(
        min_value=0, max_value=7 * 86_400, required=False, help_text="For how long the old secret works on."
    )


class ServiceAccountOut(serializers.Serializer):
    id = serializers.CharField(source="user_id")
    name = serializers.CharField(source="user.name")
    role = serializers.CharField(source="role_key")
    role_name = serializers.CharField()
    enabled = serializers.BooleanField(source="user.is_active")
    created_at = serializers.DateTimeField()


class ServiceAccountIn(StrictSerializer):
    name = NameField()
    role = TextField(max_length=64)


class ServiceAccountPatch(StrictSerializer):
    name = NameField(required=False)
    role = TextField(max_length=64, required=False)
    enabled = StrictBooleanField(required=False)
