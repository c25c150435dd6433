"""Bodies of the account endpoints, one serializer per operation."""

from __future__ import annotations

from rest_framework import serializers

from core.rest.serializers import NameField, PersonOut, StrictBooleanField, StrictSerializer, TextField


class SetUpIn(StrictSerializer):
    code = TextField(max_length=100)
    email = serializers.EmailField(max_length=254)
    password = TextField(max_length=1024)
    workspace = NameField(max_length=60)


class SetUpState(serializers.Serializer):
    required = serializers.BooleanField(help_text="Whether the first set-up is still to be done.")
    single_sign_on = serializers.BooleanField(
        help_text="Whether anybody signs in through an organisation here: then auth/sso/discover/ is worth asking."
    )


class UserRef(serializers.Serializer):
    id = serializers.CharField()
    email = serializers.EmailField()


class WorkspaceRef(serializers.Serializer):
    id = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()


class SetUpOut(serializers.Serializer):
    access = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    user = UserRef()
    workspace = WorkspaceRef()


class CredentialsIn(StrictSerializer):
    email = TextField(max_length=254)
    password = TextField(max_length=1024)


class RefreshIn(StrictSerializer):
    refresh = TextField(max_length=4096)


class TokenPairOut(serializers.Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds that the access token lives.")


class AccessOut(serializers.Serializer):
    access = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class NothingIn(StrictSerializer):
    """No fields."""


class MembershipOut(WorkspaceRef):
    role = serializers.CharField(help_text="A built-in role's name, or the id of a role of the workspace's own.")
    permissions = serializers.ListField(child=serializers.CharField())


class MySecondFactorOut(serializers.Serializer):
    enrolled = serializers.BooleanField()
    required = serializers.BooleanField(help_text="The operator or one of my workspaces asks for one.")


class MeOut(PersonOut):
    has_password = serializers.BooleanField()
    second_factor = MySecondFactorOut()
    is_operator = serializers.BooleanField(help_text="May open /admin/.")
    workspaces = MembershipOut(many=True)


class ProfileIn(StrictSerializer):
    name = NameField(allow_blank=True)


class PasswordIn(StrictSerializer):
    current_password = TextField(max_length=1024)
    new_password = TextField(max_length=1024)


class WorkspaceOut(MembershipOut):
    created_at = serializers.DateTimeField()
    require_second_factor = serializers.BooleanField()


class WorkspaceIn(StrictSerializer):
    name = NameField(max_length=60, required=False)
    require_second_factor = StrictBooleanField(required=False)


class AuditActorOut(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    label = serializers.CharField()


class AuditTargetOut(serializers.Serializer):
    type = serializers.CharField()
    id = serializers.CharField()


class AuditEntryOut(serializers.Serializer):
    id = serializers.CharField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    outcome = serializers.CharField()
    count = serializers.IntegerField()
    actor = AuditActorOut()
    target = AuditTargetOut(allow_null=True)
    request_id = serializers.CharField()
    ip = serializers.CharField(allow_null=True)
    data = serializers.DictField()


class AuditCheckOut(serializers.Serializer):
    good = serializers.BooleanField()
    entries = serializers.IntegerField(help_text="How many were looked at.")
    complete = serializers.BooleanField(help_text="Whether that was all of them.")
    first_bad = serializers.CharField(allow_null=True)


class AuditKindOut(serializers.Serializer):
    kind = serializers.CharField()
    meaning = serializers.CharField()


class AuditKindsOut(serializers.Serializer):
    results = AuditKindOut(many=True)


class AuditStandingOut(serializers.Serializer):
    state = serializers.CharField(help_text="good or bad.")
    problem = serializers.CharField(allow_blank=True)
    unsealed_seconds = serializers.FloatField()
    number = serializers.IntegerField(help_text="Of the last sealed entry in the workspace's chain.")
    digest = serializers.CharField(allow_blank=True)
    key = serializers.CharField()
    public_key = serializers.CharField(help_text="Ed25519, base64: checks the head's signature.")
    head = serializers.CharField(help_text="The end of the chain, signed: keep it where nobody else can change it.")
    checked = AuditCheckOut(allow_null=True)
