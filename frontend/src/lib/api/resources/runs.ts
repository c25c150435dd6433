"use client";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Run } from "../types";
import { invalidate, useList, useOne } from "./collection";

export function useRuns(filters: { status?: string; agent?: string; conversation?: string } = {}) {
  const workspace = useWorkspaceId();
  return useList<Run>(workspace && keys.runs.list(workspace, filters));
}

export function useRunRecord(id: string | null) {
  const workspace = useWorkspaceId();
  return useOne<Run>(workspace && id ? keys.runs.one(workspace, id) : null);
}

export function useRunActions() {
  const workspace = useWorkspaceId() ?? "";
  return {
    cancel: async (id: string) => {
      await api.post(`${keys.runs.one(workspace, id)}cancel/`);
      invalidate(keys.runs.list(workspace));
    },
  };
}
