"use client";
// The people of a workspace, what they may do, and how they are told apart: members, invitations, groups, roles.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Group, Invitation, InvitationInput, InvitationMade, Member, Permission, Person, Role } from "../types";
import { invalidate, useList } from "./collection";

export function useMembers(enabled = true) {
  const workspace = useWorkspaceId();
  return useList<Member>(workspace && enabled ? keys.members.list(workspace, { limit: 100 }) : null);
}

export function useInvitations(enabled: boolean) {
  const workspace = useWorkspaceId();
  return useList<Invitation>(workspace && enabled ? keys.invitations.list(workspace) : null);
}

export function useGroups(enabled = true) {
  const workspace = useWorkspaceId();
  return useList<Group>(workspace && enabled ? keys.groups.list(workspace, { limit: 100 }) : null);
}

export function useGroupMembers(group: string | null) {
  const workspace = useWorkspaceId();
  return useList<Person>(workspace && group ? keys.groupMembers(workspace, group) : null);
}

export function useRoles(enabled = true) {
  const workspace = useWorkspaceId();
  return useList<Role>(workspace && enabled ? keys.roles.list(workspace, { limit: 100 }) : null);
}

export function useMemberActions() {
  const workspace = useWorkspaceId() ?? "";
  const one = (id: string) => keys.members.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => {
    const value = await work;
    for (const list of [keys.members.list(workspace), keys.roles.list(workspace), keys.groups.list(workspace)]) invalidate(list);
    return value;
  };
  return {
    setRole: (id: string, role: string) => changed(api.patch<Member>(one(id), { role })),
    remove: (id: string) => changed(api.remove(one(id))),
  };
}

export function useInvitationActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.invitations.list(workspace);
  const one = (id: string) => keys.invitations.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); return value; };
  return {
    invite: (input: InvitationInput) => changed(api.post<InvitationMade>(list, input)),
    resend: (id: string) => changed(api.post<InvitationMade>(`${one(id)}resend/`)),
    revoke: (id: string) => changed(api.remove(one(id))),
  };
}

export function useGroupActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.groups.list(workspace);
  const one = (id: string) => keys.groups.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); await mutate(list); return value; };
  return {
    create: (name: string, description: string) => changed(api.post<Group>(list, { name, description })),
    /** As it is now, with the tag that a change of it must present. */
    read: (id: string) => api.getTagged<Group>(one(id)),
    edit: (id: string, input: { name?: string; description?: string }, etag: string) => changed(api.patch<Group>(one(id), input, { ifMatch: etag })),
    remove: (id: string) => changed(api.remove(one(id))),
    add: (group: string, user: string) => changed(api.post<Person>(keys.groupMembers(workspace, group), { user })),
    take: (group: string, user: string) => changed(api.remove(`${keys.groupMembers(workspace, group)}${encodeURIComponent(user)}/`)),
  };
}

export type RoleInput = { name: string; description: string; permissions: string[] };

export function useRoleActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.roles.list(workspace);
  const one = (id: string) => keys.roles.one(workspace, id);
  const bodyOf = (input: RoleInput) => ({ ...input, permissions: input.permissions as Permission[] });
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); return value; };
  return {
    create: (input: RoleInput) => changed(api.post<Role>(list, bodyOf(input))),
    /** As it is now, with the tag that a change of it must present. */
    read: (id: string) => api.getTagged<Role>(one(id)),
    edit: (id: string, input: RoleInput, etag: string) => changed(api.patch<Role>(one(id), bodyOf(input), { ifMatch: etag })),
    remove: (id: string) => changed(api.remove(one(id))),
  };
}
