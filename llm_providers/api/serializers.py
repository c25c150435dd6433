"""Bodies of the provider and model endpoints, one serializer per operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.money import Money
from core.rest.serializers import (
    BoundedJSONField,
    MoneyOut,
    NameField,
    StrictBooleanField,
    StrictSerializer,
    TextField,
)
from llm_providers.registry import kinds

KIND_NAMES = [info.kind for info in kinds()]


class KindOut(serializers.Serializer):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    label = serializers.CharField()  # type: ignore[assignment]
    needs_key = serializers.BooleanField()
    needs_base_url = serializers.BooleanField()
    default_base_url = serializers.CharField(allow_blank=True)
    local = serializers.BooleanField(help_text="Runs on the operator's own machines.")
    help = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField(), help_text="Name of each option and what it holds.")


class KindsOut(serializers.Serializer):
    results = KindOut(many=True)


class DiscoveredOut(serializers.Serializer):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    name = serializers.CharField()
    source = serializers.ChoiceField(choices=["local", "environment", "builtin"])  # type: ignore[assignment]
    base_url = serializers.CharField(allow_blank=True)
    reachable = serializers.BooleanField()
    models = serializers.ListField(child=serializers.CharField())
    key_hint = serializers.CharField(allow_null=True)
    detail = serializers.CharField()


class DiscoveredListOut(serializers.Serializer):
    results = DiscoveredOut(many=True)


class HealthOut(serializers.Serializer):
    state = serializers.ChoiceField(choices=["unknown", "ok", "failing"])
    detail = serializers.CharField(allow_blank=True)
    checked_at = serializers.DateTimeField(allow_null=True)


class ProviderOut(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    name = serializers.CharField()
    base_url = serializers.CharField(allow_blank=True)
    key_hint = serializers.SerializerMethodField(
        help_text="The key's last characters; null without a key or for a short one."
    )
    has_key = serializers.SerializerMethodField()
    health = serializers.SerializerMethodField()
    enabled = serializers.BooleanField()
    visibility = serializers.ChoiceField(
        choices=["workspace", "restricted"], help_text="restricted: only for whom it is shared with."
    )
    options = serializers.DictField()
    model_count = serializers.SerializerMethodField(help_text="Models that the vendor offers now.")
    permissions = serializers.SerializerMethodField(help_text="What the caller may do with it.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=["edit", "share", "delete"])))
    def get_permissions(self, provider: Any) -> list[str]:
        found: list[str] = self.context["permissions"][provider.pk]
        return found

    def get_key_hint(self, provider: Any) -> str | None:
        credential = getattr(provider, "credential", None)
        return f"…{credential.key_hint}" if credential is not None and credential.key_hint else None

    def get_has_key(self, provider: Any) -> bool:
        return getattr(provider, "credential", None) is not None

    def get_health(self, provider: Any) -> HealthOut:
        data: Any = HealthOut(
            {
                "state": provider.health_state,
                "detail": provider.health_detail,
                "checked_at": provider.health_checked_at,
            }
        ).data
        return data

    def get_model_count(self, provider: Any) -> int:
        return int(provider.offered)


class ProviderIn(StrictSerializer):
    kind = serializers.ChoiceField(choices=KIND_NAMES)
    name = NameField()
    base_url = TextField(max_length=2_000, required=False, allow_blank=True, default="")
    api_key = TextField(max_length=4_096, required=False, allow_null=True, allow_blank=True, write_only=True)
    options = BoundedJSONField(required=False)
    use_environment_key = StrictBooleanField(required=False, default=False)


class ConnectionIn(ProviderIn):
    name = NameField(required=False, allow_blank=True, default="")


class ProviderChangesIn(StrictSerializer):
    name = NameField(required=False)
    base_url = TextField(max_length=2_000, required=False, allow_blank=True)
    api_key = TextField(max_length=4_096, required=False, allow_null=True, allow_blank=True, write_only=True)
    enabled = StrictBooleanField(required=False)
    options = BoundedJSONField(required=False)


class NothingIn(StrictSerializer):
    """No fields: what is sent along is refused rather than ignored."""


class ConnectionOut(serializers.Serializer):
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField())
    field = serializers.ChoiceField(
        choices=["api_key", "base_url"], allow_null=True, help_text="Where to look first when it is not ok."
    )


class CapabilitiesOut(serializers.Serializer):
    tools = serializers.BooleanField()
    reasoning = serializers.BooleanField()
    vision = serializers.BooleanField()


class PriceOut(serializers.Serializer):
    """Per million tokens."""

    input = MoneyOut()
    output = MoneyOut()


class ModelOut(serializers.Serializer):
    id = serializers.CharField()
    provider = serializers.CharField(source="provider_id")
    provider_name = serializers.CharField(source="provider.name")
    provider_kind = serializers.CharField(source="provider.kind")
    local = serializers.BooleanField(source="provider.is_local")
    name = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]
        source="__str__", help_text="What people call it; the name where nobody gave it a label."
    )
    capabilities = CapabilitiesOut()
    context_window = serializers.IntegerField(allow_null=True, help_text="Tokens.")
    price = serializers.SerializerMethodField(help_text="Per million tokens; null when unknown.")
    enabled = serializers.BooleanField()
    usable = serializers.BooleanField(help_text="Enabled, of an enabled provider that still offers it.")

    @extend_schema_field(PriceOut(allow_null=True))
    def get_price(self, model: Any) -> dict[str, Any] | None:
        price = model.price
        if price is None:
            return None
        data: Any = {"input": _money(price.input_money()), "output": _money(price.output_money())}
        return data


class ModelChangesIn(StrictSerializer):
    enabled = StrictBooleanField(required=False)
    label = NameField(required=False, allow_blank=True, max_length=200)  # type: ignore[assignment]


def _money(money: Money) -> dict[str, str]:
    return money.as_json()
