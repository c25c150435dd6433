"use client";
import useSWRImmutable from "swr/immutable";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api, newKey } from "../client";
import { keys } from "../keys";
import { toProblem, type Problem } from "../problem";
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

/** One wish keeps one key until it is granted, so that a repeat after a lost answer starts nothing twice. */
const wishes = new Map<string, string>();

export function useRunActions() {
  const workspace = useWorkspaceId() ?? "";
  const another = async (id: string, way: "retry" | "continue", body: object = {}): Promise<Run> => {
    const wish = `${id} ${way} ${JSON.stringify(body)}`;
    const idempotencyKey = wishes.get(wish) ?? newKey();
    wishes.set(wish, idempotencyKey);
    try {
      const run = await api.post<Run>(`${keys.runs.one(workspace, id)}${way}/`, body, { idempotencyKey });
      wishes.delete(wish);
      invalidate(keys.runs.list(workspace));
      return run;
    } catch (error) {
      const { offline, status } = toProblem(error);
      if (!offline && status < 500) wishes.delete(wish);
      throw error;
    }
  };
  return {
    cancel: async (id: string) => {
      await api.post(`${keys.runs.one(workspace, id)}cancel/`);
      invalidate(keys.runs.list(workspace));
    },
    /** The same again, in a new run; from one of its steps if named. */
    retry: (id: string, fromStep?: number) => another(id, "retry", fromStep === undefined ? {} : { from_step: fromStep }),
    /** Goes on, in a new run, after what was done. */
    goOn: (id: string) => another(id, "continue"),
  };
}
