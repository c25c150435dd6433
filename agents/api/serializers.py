"""Bodies of the agent endpoints, one serializer per operation."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.rest.serializers import (
    IdField,
    MoneyOut,
    NameField,
    PersonOut,
    StrictBooleanField,
    StrictIntegerField,
    StrictSerializer,
    TextField,
)

RUN_STATES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
FINISHES = ["stop", "length", "tool_calls", "cancelled", "failed", "refused"]
OUTCOMES = ["ok", "error", "denied", "cancelled", "unknown"]


class MoneyIn(StrictSerializer):
    """An amount as a decimal string, up to nine digits after the point."""

    amount = TextField(
        max_length=20,
        validators=[RegexValidator(r"\A[0-9]{1,9}(\.[0-9]{1,9})?\Z", 'Write a decimal number, such as "0.50".')],
    )
    currency = TextField(
        max_length=3, required=False, validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Write three letters, such as USD.")]
    )

    def validate(self, data: dict[str, str]) -> dict[str, str]:
        return {"currency": "USD", **data}


class LimitsField(StrictSerializer):
    """Limits of one run; a limit that is left out keeps its present value."""

    max_steps = StrictIntegerField(min_value=1, max_value=100, required=False)
    max_tokens = StrictIntegerField(min_value=1, max_value=10_000_000, required=False, allow_null=True)
    max_seconds = StrictIntegerField(min_value=5, max_value=86_400, required=False)
    max_cost = MoneyIn(required=False, allow_null=True)


class AgentFields(StrictSerializer):
    description = NameField(max_length=500, allow_blank=True, required=False)
    instructions = TextField(max_bytes=262_144, allow_blank=True, required=False)
    model = IdField(required=False, allow_null=True)
    tools = serializers.ListField(child=TextField(max_length=64), max_length=50, required=False)
    limits = LimitsField(required=False)
    starters = serializers.ListField(child=TextField(max_length=200), max_length=6, required=False)


class AgentIn(AgentFields):
    name = NameField()


class AgentPatch(AgentFields):
    name = NameField(required=False)


class LimitsOut(serializers.Serializer):
    max_steps = serializers.IntegerField()
    max_tokens = serializers.IntegerField(allow_null=True)
    max_seconds = serializers.IntegerField()
    max_cost = MoneyOut(allow_null=True)


class DraftOut(serializers.Serializer):
    instructions = serializers.CharField()
    model = serializers.CharField(allow_null=True)
    model_name = serializers.CharField(allow_null=True)
    tools = serializers.ListField(child=serializers.CharField())
    limits = LimitsOut()
    starters = serializers.ListField(child=serializers.CharField())


class PublishedOut(serializers.Serializer):
    number = serializers.IntegerField()
    hash = serializers.CharField()
    published_at = serializers.DateTimeField()
    model = serializers.CharField()
    model_name = serializers.CharField()


class AgentOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    owner = PersonOut()
    draft = DraftOut()
    published = PublishedOut(allow_null=True)
    changes = serializers.ListField(
        child=serializers.CharField(), help_text="Fields in which the draft differs from the published version."
    )
    visibility = serializers.ChoiceField(
        choices=["workspace", "restricted"], help_text="restricted: only for whom it is shared with."
    )
    permissions = serializers.ListField(child=serializers.CharField(), help_text="What the caller may do with it.")
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PublishIn(StrictSerializer):
    notes = TextField(max_length=500, allow_blank=True, required=False)


class VersionRef(serializers.Serializer):
    number = serializers.IntegerField()
    hash = serializers.CharField()


class PublishOut(serializers.Serializer):
    version = VersionRef()


class VersionOut(serializers.Serializer):
    number = serializers.IntegerField()
    hash = serializers.CharField()
    notes = serializers.CharField()
    published_at = serializers.DateTimeField()
    published_by = PersonOut(allow_null=True)
    instructions = serializers.CharField()
    model = serializers.CharField()
    model_name = serializers.CharField()
    tools = serializers.ListField(child=serializers.CharField())
    limits = LimitsOut()
    starters = serializers.ListField(child=serializers.CharField())


class ToolOut(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    effect = serializers.ChoiceField(choices=["read", "idempotent", "once"])
    parameters = serializers.DictField(help_text="JSON Schema of the arguments.")


class ConversationIn(StrictSerializer):
    agent = IdField()
    title = NameField(max_length=200, allow_blank=True, required=False)
    draft = StrictBooleanField(required=False)


class ConversationPatch(StrictSerializer):
    title = NameField(max_length=200, required=False)
    pinned = StrictBooleanField(required=False)
    archived = StrictBooleanField(required=False)
    agent = IdField(required=False)


class AgentRef(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class RunRef(serializers.Serializer):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=RUN_STATES)


class ConversationOut(serializers.Serializer):
    id = serializers.CharField()
    title = serializers.CharField()
    owner = PersonOut()
    permissions = serializers.ListField(child=serializers.CharField(), help_text="What the caller may do with it.")
    agent = AgentRef()
    draft = serializers.BooleanField()
    pinned = serializers.BooleanField()
    archived = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_run = RunRef(allow_null=True)


class MessageIn(StrictSerializer):
    text = TextField(max_bytes=262_144)
    mode = serializers.ChoiceField(choices=["queue", "steer", "interrupt"], required=False)
    attachments = serializers.ListField(child=serializers.JSONField(), max_length=0, required=False)

    def validate_text(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("Write something first.", code="blank")
        return text


class MessageAccepted(serializers.Serializer):
    message = serializers.CharField()
    run = serializers.CharField()


class UsageOut(serializers.Serializer):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()


class RunErrorOut(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


class RunOutputOut(serializers.Serializer):
    text = serializers.CharField()


class ContinuesOut(serializers.Serializer):
    run = serializers.CharField()
    seq = serializers.IntegerField(help_text="Up to this event of the other run.")


class RunOut(serializers.Serializer):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=RUN_STATES)
    stop_reason = serializers.CharField(allow_null=True)
    error = RunErrorOut(allow_null=True)
    agent = AgentRef()
    version = serializers.IntegerField(allow_null=True)
    draft = serializers.BooleanField()
    model_name = serializers.CharField()
    conversation = serializers.CharField()
    last_seq = serializers.IntegerField()
    attempts = serializers.IntegerField()
    output = RunOutputOut()
    usage = UsageOut()
    cost = MoneyOut(allow_null=True)
    started_by = PersonOut()
    request_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    continues = ContinuesOut(allow_null=True, help_text="The run that this one tries again or goes on with.")


class MessageAgentOut(AgentRef):
    version = serializers.IntegerField(allow_null=True)
    draft = serializers.BooleanField()


class MessageToolCallOut(serializers.Serializer):
    call = serializers.CharField()
    name = serializers.CharField()
    arguments = serializers.DictField()
    outcome = serializers.ChoiceField(choices=OUTCOMES, allow_null=True, required=False)
    result = serializers.CharField(allow_null=True, required=False)
    started_at = serializers.DateTimeField(allow_null=True, required=False)
    completed_at = serializers.DateTimeField(allow_null=True, required=False)


class MessageOut(serializers.Serializer):
    id = serializers.CharField()
    run = serializers.CharField()
    seq = serializers.IntegerField()
    role = serializers.ChoiceField(choices=["user", "assistant"])
    text = serializers.CharField()
    reasoning = serializers.CharField(allow_null=True)
    finish = serializers.ChoiceField(choices=FINISHES, allow_blank=True, help_text="Empty for what a person wrote.")
    at = serializers.DateTimeField()
    agent = MessageAgentOut()
    model_name = serializers.CharField()
    tool_calls = MessageToolCallOut(many=True)
    usage = UsageOut(allow_null=True)
    cost = MoneyOut(allow_null=True)
    attempt = serializers.IntegerField()


class MessagePageOut(serializers.Serializer):
    results = MessageOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the older messages.")
    runs = serializers.DictField(child=RunOut(), help_text="The runs of this page by id.")
    open_runs = serializers.ListField(
        child=serializers.CharField(), help_text="Runs that have not ended, oldest first."
    )


class RunInputIn(StrictSerializer):
    text = TextField(max_bytes=262_144)

    def validate_text(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("Write something first.", code="blank")
        return text


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 2147483647}, {"type": "string", "const": "draft"}]}
)
class VersionField(serializers.Field):
    """A version's number, or "draft"."""

    default_error_messages = {"invalid": 'version is a whole number from 1, or "draft".'}

    def to_internal_value(self, data: Any) -> int | str:
        if data == "draft":
            return "draft"
        if isinstance(data, bool) or not isinstance(data, int) or not 1 <= data <= 2**31 - 1:
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class RunIn(StrictSerializer):
    agent = IdField()
    input = RunInputIn()
    conversation = IdField(required=False)
    version = VersionField(required=False)


class RunAccepted(serializers.Serializer):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=RUN_STATES)
    last_seq = serializers.IntegerField()
    conversation = serializers.CharField()


class RetryIn(StrictSerializer):
    from_step = StrictIntegerField(min_value=1, max_value=1_000, required=False)


class NothingIn(StrictSerializer):
    """No fields."""


class RunEventOut(serializers.Serializer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    event = serializers.DictField()


class EventPageOut(serializers.Serializer):
    results = RunEventOut(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="The last seq of this page if there may be more.")


class SumOut(serializers.Serializer):
    tokens = serializers.IntegerField()
    cost = MoneyOut(allow_null=True)
    runs = serializers.IntegerField()


class DaySumOut(SumOut):
    day = serializers.DateField()


class AgentSumOut(SumOut):
    agent = AgentRef()


class ModelSumOut(SumOut):
    model_name = serializers.CharField()


class UsageSummaryOut(serializers.Serializer):
    today = SumOut()
    month = SumOut()
    by_day = DaySumOut(many=True)
    by_agent = AgentSumOut(many=True)
    by_model = ModelSumOut(many=True)
