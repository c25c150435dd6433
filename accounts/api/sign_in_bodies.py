"""Bodies of signing in with a second factor, of proving oneself again, and of links from mails."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.rest.serializers import BoundedJSONField, NameField, StrictSerializer, TextField

METHODS = ("totp", "webauthn", "recovery_code")
NEW_METHODS = ("totp", "webauthn")


@extend_schema_field({"oneOf": [{"type": "string", "maxLength": 64}, {"type": "object", "additionalProperties": {}}]})
class FactorAnswerField(serializers.Field):
    """A code as text, or what a security key answered as an object."""

    def to_internal_value(self, data: Any) -> Any:
        form: serializers.Field = BoundedJSONField() if isinstance(data, dict) else TextField(max_length=64)
        return form.run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value


class SecondFactorIn(StrictSerializer):
    challenge = TextField(max_length=100)
    method = serializers.ChoiceField(choices=METHODS)
    response = FactorAnswerField(help_text="The code; or the browser's `credential.toJSON()` for `webauthn`.")


class ReauthenticateIn(StrictSerializer):
    """Either the password, or the answer to the challenge that the password brought."""

    password = TextField(max_length=1024, required=False)
    challenge = TextField(max_length=100, required=False)
    method = serializers.ChoiceField(choices=METHODS, required=False)
    response = FactorAnswerField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        second = {"challenge", "method", "response"}
        given = set(attrs) & second
        if given and (given != second or "password" in attrs):
            raise serializers.ValidationError("Send either the password, or challenge, method and response.")
        return attrs


class FreshOut(serializers.Serializer):
    fresh_until = serializers.DateTimeField(help_text="Until then dangerous actions ask no more.")


class BeginFactorIn(StrictSerializer):
    method = serializers.ChoiceField(choices=NEW_METHODS)


class BeginFactorOut(serializers.Serializer):
    challenge = serializers.CharField()
    method = serializers.ChoiceField(choices=NEW_METHODS)
    secret = serializers.CharField(allow_null=True, help_text="For apps that cannot read the picture.")
    uri = serializers.CharField(allow_null=True)
    qr_svg = serializers.CharField(allow_null=True, help_text="The uri as a picture.")
    webauthn = serializers.DictField(
        allow_null=True, help_text="For PublicKeyCredential.parseCreationOptionsFromJSON and credentials.create."
    )


class NewFactorIn(StrictSerializer):
    challenge = TextField(max_length=100)
    response = FactorAnswerField(help_text="The app's first code; or the browser's `credential.toJSON()`.")
    name = NameField(max_length=60, required=False, default="")


class FactorNameIn(StrictSerializer):
    name = NameField(max_length=60)


class FactorOut(serializers.Serializer):
    id = serializers.CharField()
    method = serializers.ChoiceField(choices=NEW_METHODS)
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewFactorOut(serializers.Serializer):
    factor = FactorOut()
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="With the first factor; shown once."
    )


class FactorsOut(serializers.Serializer):
    results = FactorOut(many=True)
    next = serializers.CharField(allow_null=True)
    recovery_codes_left = serializers.IntegerField(allow_null=True)
    required = serializers.BooleanField(help_text="The operator or one of my workspaces asks for a second factor.")


class RecoveryCodesOut(serializers.Serializer):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Shown once; the old ones are void."
    )


class SessionOut(serializers.Serializer):
    id = serializers.CharField()
    client = serializers.ChoiceField(choices=("web", "api", "admin"))
    device = serializers.CharField(help_text="The browser or program and its system, as far as it tells.")
    ip = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    second_factor = serializers.BooleanField()
    current = serializers.BooleanField(help_text="The one that asks.")


class EndedOut(serializers.Serializer):
    ended = serializers.IntegerField()


class ResetIn(StrictSerializer):
    email = serializers.EmailField(max_length=254)


class ResetOut(serializers.Serializer):
    detail = serializers.CharField()


class ResetConfirmIn(StrictSerializer):
    token = TextField(max_length=100)
    password = TextField(max_length=1024)


class EmailChangeIn(StrictSerializer):
    email = serializers.EmailField(max_length=254)


class EmailConfirmIn(StrictSerializer):
    token = TextField(max_length=100)


class EmailConfirmOut(serializers.Serializer):
    done = serializers.BooleanField(help_text="False while the other address has not confirmed it.")
