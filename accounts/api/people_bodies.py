"""Bodies of members, roles and groups, one serializer per operation."""

from __future__ import annotations

from rest_framework import serializers

from core.authz import Permission
from core.rest.serializers import IdField, NameField, PersonOut, StrictSerializer, TextField

PERMISSIONS = sorted(permission.value for permission in Permission)


class PermissionsField(serializers.ListField):
    """Names of permissions, each once."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(child=serializers.ChoiceField(choices=PERMISSIONS), max_length=200, **kwargs)  # type: ignore[arg-type]


class MemberOut(serializers.Serializer):
    id = serializers.CharField()
    user = PersonOut()
    role = serializers.CharField(source="role_key", help_text="A built-in role's name, or the id of an own role.")
    role_name = serializers.CharField()
    active = serializers.BooleanField(source="user.is_active", help_text="False once an operator disabled them.")
    created_at = serializers.DateTimeField()


class MemberPatch(StrictSerializer):
    role = TextField(max_length=64)


class RoleOut(serializers.Serializer):
    id = serializers.CharField(help_text="What `role` is set to.")
    name = serializers.CharField()
    description = serializers.CharField()
    built_in = serializers.BooleanField()
    permissions = serializers.ListField(child=serializers.CharField())
    members = serializers.IntegerField(allow_null=True, help_text="How many have it; null for built-in roles.")


class RoleIn(StrictSerializer):
    name = NameField(max_length=60)
    description = TextField(max_length=300, required=False, allow_blank=True)
    permissions = PermissionsField()


class RolePatch(StrictSerializer):
    name = NameField(max_length=60, required=False)
    description = TextField(max_length=300, required=False, allow_blank=True)
    permissions = PermissionsField(required=False)


class GroupOut(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    size = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class GroupIn(StrictSerializer):
    name = NameField()
    description = TextField(max_length=300, required=False, allow_blank=True)


class GroupPatch(StrictSerializer):
    name = NameField(required=False)
    description = TextField(max_length=300, required=False, allow_blank=True)


class GroupMemberIn(StrictSerializer):
    user = IdField()
