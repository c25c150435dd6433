"use client";
// Agents, their draft and their versions. Edits carry the tag of what they change, so nobody's work is overwritten unseen.
import { mutate } from "swr";
import useSWR from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api, type Tagged } from "../client";
import { keys } from "../keys";
import type { Problem } from "../problem";
import type { Agent, AgentInput, Version } from "../types";
import { invalidate, useList } from "./collection";

export function useAgents(search = "") {
  const workspace = useWorkspaceId();
  return useList<Agent>(workspace && keys.agents.list(workspace, { search, limit: 100 }));
}

export function useAgent(id: string | null) {
  const workspace = useWorkspaceId();
  const path = workspace && id ? keys.agents.one(workspace, id) : null;
  const { data, error, mutate: again } = useSWR<Tagged<Agent>, Problem>(
    path && `tagged:${path}`, (key: string) => api.getTagged<Agent>(key.slice("tagged:".length)), { revalidateOnFocus: false },
  );
  return { agent: data?.value, etag: data?.etag ?? "", problem: data ? undefined : error, loading: !data && !error, retry: () => void again() };
}

export function useVersions(agent: string | null) {
  const workspace = useWorkspaceId();
  return useList<Version>(workspace && agent ? keys.versions(workspace, agent) : null);
}

export function useAgentActions() {
  const workspace = useWorkspaceId() ?? "";
  const one = (id: string) => keys.agents.one(workspace, id);
  const keep = (tagged: Tagged<Agent>) => mutate(`tagged:${one(tagged.value.id)}`, tagged, { revalidate: false });
  const listKey = keys.agents.list(workspace);
  const lists = () => invalidate(listKey);
  return {
    create: async (input: AgentInput) => {
      const agent = await api.post<Agent>(listKey, input);
      lists();
      return agent;
    },
    save: async (id: string, input: AgentInput, etag: string) => {
      const tagged = await api.patchTagged<Agent>(one(id), input, etag);
      await keep(tagged);
      lists();
      return tagged;
    },
    publish: async (id: string, notes: string) => {
      const answer = await api.post<{ version: { number: number; hash: string } }>(`${one(id)}publish/`, notes ? { notes } : {});
      lists();
      return answer.version;
    },
    restore: async (id: string, number: number) => {
      const agent = await api.post<Agent>(`${one(id)}versions/${number}/restore/`);
      lists();
      return agent;
    },
    remove: async (id: string, etag: string) => {
      await api.remove(one(id), { ifMatch: etag });
      lists();
    },
    /** What the server holds now, past every cache. */
    reread: async (id: string) => {
      const tagged = await api.getTagged<Agent>(one(id));
      await keep(tagged);
      return tagged;
    },
  };
}
