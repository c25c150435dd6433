"use client";
// What runs ask people: open ones as a list, each by itself, and the one act, deciding.
import { mutate } from "swr";
import { useSession, useWorkspaceId } from "@/lib/session/SessionProvider";
import { useTopicRefresh } from "@/lib/stream/use-stream";
import { api } from "../client";
import { keys } from "../keys";
import type { Conversation, Decision } from "../types";
import { invalidate, useList, useOne } from "./collection";

export function useOpenDecisions(shown = true) {
  const workspace = useWorkspaceId();
  return useList<Decision>(workspace && shown ? keys.decisions.list(workspace, { status: "open", limit: 50 }) : null);
}

/** Whether a chat waits for a person: because of its latest run, or of an earlier one that holds up what came after it. */
export function useWaits(): (chat: Conversation) => boolean {
  const { can } = useSession();
  const { items } = useOpenDecisions(can("decision.view"));
  return (chat) => chat.last_run?.status === "waiting" || (items?.some((one) => one.conversation === chat.id) ?? false);
}

export function useDecision(id: string | null) {
  const workspace = useWorkspaceId();
  return useOne<Decision>(workspace && id ? keys.decisions.one(workspace, id) : null);
}

/** Rereads what is on screen of decisions when one is asked or made anywhere. One part of the frame does it for all. */
export function useFreshDecisions(shown: boolean): void {
  const workspace = useWorkspaceId();
  useTopicRefresh(workspace && shown ? `decisions:${workspace}` : null, () => { if (workspace) invalidate(keys.decisions.list(workspace)); }, 200);
}

export function useDecisionActions() {
  const workspace = useWorkspaceId() ?? "";
  const refresh = () => invalidate(keys.decisions.list(workspace));
  return {
    refresh,
    resolve: async (id: string, resolution: string, result?: string): Promise<Decision> => {
      const path = keys.decisions.one(workspace, id);
      const decision = await api.post<Decision>(`${path}resolve/`, { resolution, ...(result ? { result } : {}) });
      await mutate(path, decision, { revalidate: false });
      refresh();
      return decision;
    },
    /** What the server holds now, past every cache. */
    reread: async (id: string): Promise<Decision> => {
      const path = keys.decisions.one(workspace, id);
      const decision = await api.get<Decision>(path);
      await mutate(path, decision, { revalidate: false });
      refresh();
      return decision;
    },
  };
}
