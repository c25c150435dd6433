"use client";
import useSWRImmutable from "swr/immutable";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Problem } from "../problem";
import type { EventPage, Run } from "../types";
import { invalidate, useList, useOne } from "./collection";

export function useRuns(filters: { status?: string; agent?: string; conversation?: string } = {}) {
  const workspace = useWorkspaceId();
  return useList<Run>(workspace && keys.runs.list(workspace, filters));
}

export function useRunRecord(id: string | null) {
  const workspace = useWorkspaceId();
  return useOne<Run>(workspace && id ? keys.runs.one(workspace, id) : null);
}

/** Whether a run's message was sent to interrupt: only its journal keeps that, in the first event, which never changes. */
export function useWasInterrupting(id: string): boolean {
  const workspace = useWorkspaceId();
  const { data } = useSWRImmutable<EventPage, Problem>(workspace && keys.events(workspace, id, 0, 1), (path: string) => api.get<EventPage>(path));
  const first = data?.results[0]?.event;
  return first?.type === "run.queued" && (first.input as { mode?: unknown } | null)?.mode === "interrupt";
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
