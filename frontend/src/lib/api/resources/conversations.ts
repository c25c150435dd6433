"use client";
// Conversations and the messages posted into them.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Conversation, Mode } from "../types";
import { invalidate, useList, useOne } from "./collection";

export function useConversations(filters: { search?: string; agent?: string; archived?: boolean; limit?: number } = {}) {
  const workspace = useWorkspaceId();
  return useList<Conversation>(workspace && keys.conversations.list(workspace, filters));
}

export function useConversation(id: string | null) {
  const workspace = useWorkspaceId();
  return useOne<Conversation>(workspace && id ? keys.conversations.one(workspace, id) : null);
}

export type Posted = { message: string; run: string };
const idOf = (value: unknown): string => (typeof value === "string" ? value : String((value as { id?: unknown })?.id ?? ""));

export function useConversationActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.conversations.list(workspace);
  const one = (id: string) => keys.conversations.one(workspace, id);
  const lists = () => invalidate(list);
  return {
    refreshLists: lists,
    create: (agent: string, draft: boolean) => api.post<Conversation>(list, draft ? { agent, draft: true } : { agent }),
    /** A new chat in one call: the run makes its conversation, so a failure leaves nothing half-made. */
    start: async (agent: string, text: string, key: string) => {
      const run = await api.post<{ id: string; conversation: string | { id: string } }>(keys.runs.list(workspace), { agent, input: { text } }, { idempotencyKey: key });
      lists();
      return { run: run.id, conversation: idOf(run.conversation) };
    },
    post: async (id: string, text: string, key: string, mode: Mode = "queue"): Promise<Posted> => {
      const answer = await api.post<{ message: unknown; run: unknown }>(`${one(id)}messages/`, { text, mode }, { idempotencyKey: key });
      lists();
      return { message: idOf(answer.message), run: idOf(answer.run) };
    },
    edit: async (id: string, input: { title?: string; pinned?: boolean; archived?: boolean; agent?: string }) => {
      const { etag } = await api.getTagged<Conversation>(one(id));
      const value = await api.patch<Conversation>(one(id), input, etag ? { ifMatch: etag } : undefined);
      await mutate(one(id), value, { revalidate: false });
      lists();
      return value;
    },
    remove: async (id: string) => {
      await api.remove(one(id));
      lists();
    },
  };
}
