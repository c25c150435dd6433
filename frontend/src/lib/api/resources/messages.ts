"use client";
// The messages of a conversation: the newest page first, older ones on demand.
import { useMemo } from "react";
import useSWRInfinite from "swr/infinite";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Problem } from "../problem";
import type { Message, MessagePage, Run } from "../types";

const NONE: string[] = [];

export function useMessages(conversation: string | null) {
  const workspace = useWorkspaceId();
  const { data, error, setSize, mutate, size } = useSWRInfinite<MessagePage, Problem>(
    (index: number, previous: MessagePage | null) => {
      if (!workspace || !conversation) return null;
      if (index === 0) return keys.messages(workspace, conversation, { limit: 50 });
      return previous?.next ? keys.messages(workspace, conversation, { limit: 50, cursor: previous.next }) : null;
    },
    (path: string) => api.get<MessagePage>(path),
    { revalidateOnFocus: false, revalidateFirstPage: false, revalidateOnMount: true },
  );
  const read = useMemo(() => {
    const messages: Message[] = [];
    const runs: Record<string, Run> = {};
    for (const page of [...(data ?? [])].reverse()) {
      messages.push(...page.results);
      Object.assign(runs, page.runs);
    }
    return { messages, runs };
  }, [data]);
  const last = data?.[data.length - 1];
  return {
    ...read, openRuns: data?.[0]?.open_runs ?? NONE, loaded: data !== undefined,
    problem: data ? undefined : error, loading: data === undefined && !error && conversation !== null,
    hasOlder: Boolean(last?.next), loadingOlder: Boolean(data) && size > (data?.length ?? 0),
    loadOlder: () => void setSize((n) => n + 1), reread: () => void mutate(),
  };
}
