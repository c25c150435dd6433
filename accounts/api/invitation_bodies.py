"""Bodies of invitations, one serializer per operation."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import WorkspaceRef
from accounts.invitations import LIFETIME, MAX_USES
from core.rest.serializers import IdField, NameField, PersonOut, StrictIntegerField, StrictSerializer, TextField

KINDS = ("email", "link")


class InvitationIn(StrictSerializer):
    """With `email` for one person; without it a link for as many as `uses`."""

    role = TextField(max_length=64)
    email = serializers.EmailField(max_length=254, required=False)
    domain = serializers.RegexField(r"^@?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z", max_length=253, required=False)
    uses = StrictIntegerField(min_value=1, max_value=MAX_USES, required=False)
    days = StrictIntegerField(min_value=1, max_value=30, required=False, help_text=f"{LIFETIME.days} by default.")
    groups = serializers.ListField(child=IdField(), max_length=50, required=False)


class InvitationOut(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    email = serializers.CharField(help_text="Empty for a link.")
    domain = serializers.CharField()
    role = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    uses_left = serializers.IntegerField()
    used = serializers.IntegerField()
    invited_by = PersonOut()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitedOut(InvitationOut):
    link = serializers.CharField(
        allow_null=True, help_text="To be passed on; shown once. Null when it was sent by mail."
    )


class InvitationTokenIn(StrictSerializer):
    token = TextField(max_length=100)


class InvitationLookOut(serializers.Serializer):
    kind = serializers.ChoiceField(choices=KINDS)
    email = serializers.CharField(help_text="Empty for a link: ask for it.")
    domain = serializers.CharField()
    role = serializers.CharField()
    workspace = serializers.CharField(help_text="Its name.")
    by_mail = serializers.BooleanField(
        help_text="Somebody new gets a link of their own by mail: ask for the address only."
    )
    expires_at = serializers.DateTimeField()


class AcceptIn(StrictSerializer):
    """Signed in: the token alone. New: also a name and a password; by a link also the e-mail address."""

    token = TextField(max_length=100)
    email = serializers.EmailField(max_length=254, required=False, default="")
    name = NameField(required=False, default="", allow_blank=True)
    password = TextField(max_length=1024, required=False, default="")


class AcceptOut(serializers.Serializer):
    workspace = WorkspaceRef(allow_null=True, help_text="Null: a link of their own is on its way by mail.")
    access = serializers.CharField(allow_null=True, help_text="For somebody new, who is signed in by it.")
    refresh = serializers.CharField(allow_null=True, help_text="Null for the web client, which gets its cookie.")
    expires_in = serializers.IntegerField(allow_null=True, help_text="Seconds.")


def present(row: Any) -> dict[str, Any]:
    return dict(InvitationOut(row).data)
