"""The members of a workspace, its roles and its groups, over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import custom_roles, groups, members
from accounts.api import people_bodies as s
from accounts.models import CustomRole, Membership, WorkspaceGroup
from accounts.rest.views import WorkspaceView
from accounts.roles import ROLE_PERMISSIONS
from accounts.selectors import groups_visible_to, members_visible_to, people_in_group, roles_visible_to
from core.authz import Permission
from core.errors import PreconditionFailed
from core.rest.pages import page_of
from core.rest.serializers import PersonOut


class MemberList(WorkspaceView):
    personal = True
    permissions = {"GET": Permission.MEMBER_VIEW}

    @extend_schema(operation_id="members", responses=page_of(s.MemberOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The people in the workspace and their roles."""
        return self.page(members_visible_to(self.actor), s.MemberOut, ordering=("created_at", "id"))


class MemberDetail(WorkspaceView):
    permissions = {"PATCH": Permission.MEMBER_EDIT, "DELETE": Permission.MEMBER_REMOVE}

    @extend_schema(operation_id="member_update", request=s.MemberPatch, responses=s.MemberOut)
    def patch(self, request: Request, workspace: str, member_id: str) -> Response:
        """Give somebody another role: one that holds no more than you do."""
        member = self._member(member_id)
        members.change_role(self.actor, member=member, **self.read(s.MemberPatch))
        return self.ok(s.MemberOut(self._member(member_id)).data)

    @extend_schema(operation_id="member_remove", responses={204: None})
    def delete(self, request: Request, workspace: str, member_id: str) -> Response:
        """Take somebody out of the workspace. Their runs here stop, their tokens for it die."""
        members.remove_member(self.actor, member=self._member(member_id))
        return self.no_content()

    def _member(self, member_id: str) -> Membership:
        found: Membership = self.find(members_visible_to(self.actor), member_id)
        return found


class RoleList(WorkspaceView):
    permissions = {"GET": Permission.ROLE_VIEW, "POST": Permission.ROLE_EDIT}
    idempotent = True

    @extend_schema(operation_id="roles", responses=page_of(s.RoleOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace's own roles by name; the first page begins with the built-in ones."""
        answer = self.page(roles_visible_to(self.actor), _roles, ordering=("name", "id"))
        if "cursor" not in request.query_params:
            answer.data["results"] = [*_BUILT_IN, *answer.data["results"]]
        return answer

    @extend_schema(operation_id="role_create", request=s.RoleIn, responses={201: s.RoleOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Make a role. It can hold no more than you do."""
        role = custom_roles.create_role(self.actor, **self.read(s.RoleIn))
        return self.created(_role(role), etag=custom_roles.version_of(role))


class RoleDetail(WorkspaceView):
    permissions = {"GET": Permission.ROLE_VIEW, "PATCH": Permission.ROLE_EDIT, "DELETE": Permission.ROLE_EDIT}

    @extend_schema(operation_id="role", responses=s.RoleOut)
    def get(self, request: Request, workspace: str, role_id: str) -> Response:
        """One of the workspace's own roles; the ETag is what PATCH wants as If-Match."""
        return self._answer(role_id)

    @extend_schema(operation_id="role_update", request=s.RolePatch, responses=s.RoleOut)
    def patch(self, request: Request, workspace: str, role_id: str) -> Response:
        """Change a role: everybody who has it holds what it says from now on."""
        role = self._role(role_id)
        changes = self.read(s.RolePatch)
        tag = custom_roles.version_of(role)
        self.require_match(tag, lambda: _role(role))
        try:
            custom_roles.update_role(self.actor, role=role, only_if=None if self.any_match else tag, **changes)
        except PreconditionFailed:  # somebody came in between
            newer = self._role(role_id)
            self.require_match(custom_roles.version_of(newer), lambda: _role(newer))
            raise
        return self._answer(role_id)

    @extend_schema(operation_id="role_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, role_id: str) -> Response:
        """Delete a role that nobody has."""
        custom_roles.delete_role(self.actor, role=self._role(role_id))
        return self.no_content()

    def _role(self, role_id: str) -> CustomRole:
        found: CustomRole = self.find(roles_visible_to(self.actor), role_id)
        return found

    def _answer(self, role_id: str) -> Response:
        role = self._role(role_id)
        return self.ok(_role(role), etag=custom_roles.version_of(role))


class GroupView(WorkspaceView):
    def group(self, group_id: str) -> WorkspaceGroup:
        found: WorkspaceGroup = self.find(groups_visible_to(self.actor), group_id)
        return found


class GroupList(GroupView):
    permissions = {"GET": Permission.GROUP_VIEW, "POST": Permission.GROUP_EDIT}
    idempotent = True

    @extend_schema(operation_id="groups", responses=page_of(s.GroupOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace's groups by name."""
        return self.page(groups_visible_to(self.actor), s.GroupOut, ordering=("name", "id"))

    @extend_schema(operation_id="group_create", request=s.GroupIn, responses={201: s.GroupOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Make a group."""
        made = groups.create_group(self.actor, **self.read(s.GroupIn))
        row = self.group(made.pk)
        return self.created(s.GroupOut(row).data, etag=groups.version_of(row))


class GroupDetail(GroupView):
    permissions = {"GET": Permission.GROUP_VIEW, "PATCH": Permission.GROUP_EDIT, "DELETE": Permission.GROUP_EDIT}

    @extend_schema(operation_id="group", responses=s.GroupOut)
    def get(self, request: Request, workspace: str, group_id: str) -> Response:
        """One group; the ETag is what PATCH wants as If-Match."""
        return self._answer(group_id)

    @extend_schema(operation_id="group_update", request=s.GroupPatch, responses=s.GroupOut)
    def patch(self, request: Request, workspace: str, group_id: str) -> Response:
        """Rename or describe a group."""
        group = self.group(group_id)
        changes = self.read(s.GroupPatch)
        tag = groups.version_of(group)
        self.require_match(tag, lambda: s.GroupOut(group).data)
        try:
            groups.update_group(self.actor, group=group, only_if=None if self.any_match else tag, **changes)
        except PreconditionFailed:  # somebody came in between
            newer = self.group(group_id)
            self.require_match(groups.version_of(newer), lambda: s.GroupOut(newer).data)
            raise
        return self._answer(group_id)

    @extend_schema(operation_id="group_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, group_id: str) -> Response:
        """Delete a group. What was granted to it is granted no more."""
        groups.delete_group(self.actor, group=self.group(group_id))
        return self.no_content()

    def _answer(self, group_id: str) -> Response:
        group = self.group(group_id)
        return self.ok(s.GroupOut(group).data, etag=groups.version_of(group))


class GroupMemberList(GroupView):
    personal = True
    permissions = {"GET": Permission.GROUP_VIEW, "POST": Permission.GROUP_EDIT}
    idempotent = True

    @extend_schema(operation_id="group_members", responses=page_of(PersonOut))
    def get(self, request: Request, workspace: str, group_id: str) -> Response:
        """Who is in the group."""
        return self.page(people_in_group(self.group(group_id)), PersonOut, ordering=("email", "id"))

    @extend_schema(operation_id="group_member_add", request=s.GroupMemberIn, responses={201: PersonOut})
    def post(self, request: Request, workspace: str, group_id: str) -> Response:
        """Put a member of the workspace into the group."""
        group = self.group(group_id)
        user = groups.add_to_group(self.actor, group=group, user_id=self.read(s.GroupMemberIn)["user"])
        return self.created(PersonOut(user).data)


class GroupMemberDetail(GroupView):
    permissions = {"DELETE": Permission.GROUP_EDIT}

    @extend_schema(operation_id="group_member_remove", responses={204: None})
    def delete(self, request: Request, workspace: str, group_id: str, user_id: str) -> Response:
        """Take somebody out of the group."""
        group = self.group(group_id)
        user = self.find(people_in_group(group), user_id)
        groups.remove_from_group(self.actor, group=group, user_id=user.pk)
        return self.no_content()


_BUILT_IN = [
    {
        "id": role.value,
        "name": role.value,
        "description": "",
        "built_in": True,
        "permissions": sorted(held),
        "members": None,
    }
    for role, held in ROLE_PERMISSIONS.items()
]


def _role(row: CustomRole) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "description": row.description,
        "built_in": False,
        "permissions": row.permissions,
        "members": getattr(row, "in_use", 0),
    }


def _roles(rows: Any) -> list[dict[str, Any]]:
    return [_role(row) for row in rows]
