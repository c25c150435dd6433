"use client";
// The workspace itself, its members, its tools, its spending, and the person's own account.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Me, Member, Tool, UsageReport, Workspace } from "../types";
import { useList, useOne } from "./collection";

export function useMembers() {
  const workspace = useWorkspaceId();
  return useList<Member>(workspace && keys.members.list(workspace));
}

export function useTools() {
  const workspace = useWorkspaceId();
  return useList<Tool>(workspace && keys.tools.list(workspace), { revalidateOnFocus: false });
}

export function useUsage(days: number) {
  const workspace = useWorkspaceId();
  return useOne<UsageReport>(workspace && keys.usage(workspace, days), { keepPreviousData: true });
}

export function useAccountActions() {
  const workspace = useWorkspaceId() ?? "";
  return {
    renameMe: (name: string) => api.patch<Me>("me/", { name }),
    changePassword: (current: string, next: string) => api.post<void>("me/password/", { current_password: current, new_password: next }),
    renameWorkspace: async (name: string) => {
      const { etag } = await api.getTagged<Workspace>(keys.workspace(workspace));
      const value = await api.patch<Workspace>(keys.workspace(workspace), { name }, etag ? { ifMatch: etag } : undefined);
      await mutate(keys.workspace(workspace), value, { revalidate: false });
      return value;
    },
  };
}
