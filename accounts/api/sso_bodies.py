"""Bodies of signing in through identity providers, and of setting them up."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from core.rest.serializers import IdField, NameField, StrictBooleanField, StrictSerializer, TextField

SSO_KINDS = ("oidc", "saml")
PURPOSES = ("sign_in", "link", "reauthenticate")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")


class DomainField(TextField):
    """A domain in its one spelling: lower case, xn-- for other scripts, no dot at the end."""

    default_error_messages = {"not_a_domain": "Write a domain such as example.com."}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data).lower().removeprefix("@")
        if not _DOMAIN.match(name):
            self.fail("not_a_domain")
        return name


class SsoMappingIn(StrictSerializer):
    group = TextField(max_length=300, help_text="A group as the provider calls it, to the letter.")
    role = TextField(max_length=64, allow_blank=True, required=False, default="", help_text="A role; empty: none.")
    groups = serializers.ListField(child=IdField(), max_length=50, required=False, default=list)


class SsoConnectionFields(StrictSerializer):
    """What setting up and changing have in common."""

    client_id = TextField(max_length=300, required=False, allow_blank=True)
    client_secret = TextField(
        max_length=1024, required=False, allow_blank=True, write_only=True, help_text="Never shown. Empty: none."
    )
    metadata = TextField(
        max_bytes=512 * 1024, required=False, allow_blank=True, help_text="SAML: the provider's metadata, pasted."
    )
    metadata_url = TextField(max_length=2000, required=False, allow_blank=True, help_text="SAML: or where it is.")
    sign_requests = StrictBooleanField(required=False, help_text="SAML: sign our requests with a key of our own.")
    require_encrypted = StrictBooleanField(
        required=False, help_text="SAML: take only assertions that are encrypted for the certificate in our metadata."
    )
    domains = serializers.ListField(child=DomainField(max_length=253), max_length=50, required=False)
    groups_claim = TextField(max_length=300, required=False)
    default_role = TextField(max_length=64, required=False, allow_blank=True)
    mapping = serializers.ListField(child=SsoMappingIn(), max_length=200, required=False)


class SsoConnectionIn(SsoConnectionFields):
    kind = serializers.ChoiceField(choices=SSO_KINDS)
    name = NameField()
    issuer = TextField(max_length=500, required=False, help_text="OIDC: the issuer. SAML: comes with the metadata.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _fitting(attrs, attrs["kind"])


class SsoConnectionPatch(SsoConnectionFields):
    name = NameField(required=False)
    issuer = TextField(max_length=500, required=False)
    enabled = StrictBooleanField(required=False)
    enforced = StrictBooleanField(required=False)


_OF_SAML = ("metadata", "metadata_url", "sign_requests", "require_encrypted")


def _fitting(attrs: dict[str, Any], kind: str) -> dict[str, Any]:
    """Fields of the other kind are a mistake."""
    others = ("issuer", "client_id", "client_secret") if kind == "saml" else _OF_SAML
    wrong = [name for name in others if attrs.get(name)]
    if wrong:
        raise serializers.ValidationError(
            {name: [serializers.ErrorDetail(f"Not for {kind}.", code="not_for_this_kind")] for name in wrong}
        )
    if kind == "oidc" and not attrs.get("issuer"):
        raise serializers.ValidationError({"issuer": [serializers.ErrorDetail("Enter the issuer.", code="required")]})
    return attrs


class SsoMappingOut(serializers.Serializer):
    group = serializers.CharField()
    role = serializers.CharField(allow_blank=True)
    groups = serializers.ListField(child=serializers.CharField())


class SsoDomainOut(serializers.Serializer):
    domain = serializers.CharField()
    approved = serializers.BooleanField(
        help_text="It counts for new people and for enforcement once an operator has approved it in the admin."
    )


class SsoConnectionOut(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=SSO_KINDS)
    name = serializers.CharField()
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    has_secret = serializers.SerializerMethodField()
    domains = serializers.SerializerMethodField()
    groups_claim = serializers.CharField()
    default_role = serializers.CharField()
    mapping = SsoMappingOut(many=True)
    sign_requests = serializers.BooleanField()
    require_encrypted = serializers.BooleanField()
    certificate = serializers.CharField(help_text="SAML: ours, in PEM, as in our metadata; empty: there is none.")
    enabled = serializers.BooleanField()
    enforced = serializers.BooleanField()
    redirect_uri = serializers.SerializerMethodField(help_text="For the provider: where it sends people back to.")
    entity_id = serializers.SerializerMethodField(help_text="For a SAML provider: who we are; our metadata is there.")
    created_at = serializers.DateTimeField()

    def get_has_secret(self, row: Any) -> bool:
        return bool(row.secret)

    def get_domains(self, row: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.context["domains"][row.pk]
        return found

    def get_redirect_uri(self, row: Any) -> str:
        return str(self.context["redirect_uri"](row))

    def get_entity_id(self, row: Any) -> str | None:
        found: str | None = self.context["entity_id"](row)
        return found


class SsoTestStartedOut(serializers.Serializer):
    url = serializers.CharField(help_text="Send the browser there; it comes back to /settings/sso/#test=<id>.")
    test = serializers.CharField()


class SsoProblemOut(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


class SsoTestOut(serializers.Serializer):
    """What came of a test. No session was opened and nothing was changed."""

    id = serializers.CharField()
    done = serializers.BooleanField(help_text="False until the browser has come back.")
    ok = serializers.BooleanField(allow_null=True)
    counts = serializers.BooleanField(help_text="Whether it is a test as enforcing this connection asks for.")
    error = serializers.CharField(allow_null=True)
    detail = serializers.CharField()
    claims = serializers.DictField(help_text="What the provider said, decoded.")
    issuer = serializers.CharField()
    subject = serializers.CharField()
    email = serializers.CharField()
    email_verified = serializers.BooleanField()
    groups_found = serializers.ListField(child=serializers.CharField())
    role = serializers.CharField(allow_null=True, help_text="The role that somebody new would get.")
    groups = serializers.ListField(child=serializers.CharField())
    person = serializers.CharField(allow_null=True, help_text="Whose account this is, if it is linked.")
    problems = SsoProblemOut(many=True, help_text="Why somebody new could not join like this.")


class SsoDiscoverIn(StrictSerializer):
    email = TextField(max_length=254)


class SsoWayOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SSO_KINDS)
    enforced = serializers.BooleanField(help_text="Members of the workspace with such an address must come this way.")


class SsoDiscoverOut(serializers.Serializer):
    connections = SsoWayOut(many=True)


class SsoStartIn(StrictSerializer):
    connection = IdField()
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False, default="sign_in")
    next = TextField(max_length=500, required=False, allow_blank=True, default="")
    ticket = TextField(max_length=500, required=False, default="", help_text="From 403 `sso_required`.")


class SsoStartOut(serializers.Serializer):
    url = serializers.CharField(help_text="Send the browser there.")


class IdentityOut(serializers.Serializer):
    id = serializers.CharField()
    connection = serializers.CharField(source="connection_id")
    name = serializers.CharField(source="connection.name")
    kind = serializers.ChoiceField(source="connection.kind", choices=SSO_KINDS)
    workspace = serializers.CharField(source="connection.workspace.name")
    email = serializers.CharField(source="called", help_text="The address that the provider gave last.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
