"""Bodies of the decision endpoints."""

from __future__ import annotations

from rest_framework import serializers

from agents.api.serializers import AgentRef
from agents.models import Decision
from core.rest.serializers import PersonOut, StrictSerializer, TextField

DECISION_KINDS = Decision.Kind.values
DECISION_STATES = Decision.Status.values


class ResolveIn(StrictSerializer):
    """Which resolutions a decision takes stands in its `resolutions`."""

    resolution = TextField(max_length=20)
    result = TextField(
        max_bytes=65_536, allow_blank=True, required=False, help_text="The answer, or what is known of what happened."
    )
    arguments = serializers.DictField(required=False)
    reason = TextField(max_bytes=4_096, allow_blank=True, required=False, help_text="Why; the model does not see it.")


class DecisionOut(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=DECISION_KINDS)
    status = serializers.ChoiceField(choices=DECISION_STATES)
    run = serializers.CharField()
    conversation = serializers.CharField()
    agent = AgentRef()
    started_by = PersonOut()
    call = serializers.CharField(allow_null=True)
    tool = serializers.CharField(allow_null=True)
    arguments = serializers.DictField()
    prompt = serializers.CharField()
    options = serializers.ListField(child=serializers.CharField(), help_text="Answers to choose from, if offered.")
    resolutions = serializers.ListField(child=serializers.CharField(), help_text="What can be decided.")
    resolution = serializers.CharField(allow_null=True)
    result = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    resolved_by = PersonOut(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
