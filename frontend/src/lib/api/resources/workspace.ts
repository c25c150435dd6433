"use client";
// The workspace itself, its tools, its spending.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Retention, Tool, UsageReport, WorkspaceSettings } from "../types";
import { useList, useOne } from "./collection";

export function useWorkspace() {
  const workspace = useWorkspaceId();
  return useOne<WorkspaceSettings>(workspace && keys.workspace(workspace));
}

export function useRetention() {
  const workspace = useWorkspaceId();
  return useOne<Retention>(workspace && keys.retention(workspace));
}

export function useTools() {
  const workspace = useWorkspaceId();
  return useList<Tool>(workspace && keys.tools.list(workspace), { revalidateOnFocus: false });
}

export function useUsage(days: number) {
  const workspace = useWorkspaceId();
  return useOne<UsageReport>(workspace && keys.usage(workspace, days), { keepPreviousData: true });
}

export function useWorkspaceActions() {
  const workspace = useWorkspaceId() ?? "";
  return {
    edit: async (changes: { name?: string; require_second_factor?: boolean }) => {
      const value = await api.patch<WorkspaceSettings>(keys.workspace(workspace), changes);
      await mutate(keys.workspace(workspace), value, { revalidate: false });
      return value;
    },
    editRetention: async (changes: Partial<Omit<Retention, "updated_at">>) => {
      const value = await api.patch<Retention>(keys.retention(workspace), changes);
      await mutate(keys.retention(workspace), value, { revalidate: false });
      return value;
    },
  };
}
