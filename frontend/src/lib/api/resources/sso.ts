"use client";
// Signing in through identity providers: setting out, one's own links, and the connections of a workspace.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Identity, SsoConnection, SsoConnectionInput, SsoConnectionPatch, SsoTest, SsoWay } from "../types";
import { invalidate, useList } from "./collection";

type Setting = { connection: string; next?: string; ticket?: string };

export const ssoActions = {
  discover: async (email: string) => (await api.post<{ connections: SsoWay[] }>("auth/sso/discover/", { email }, { open: true })).connections,
  /** Where to send the browser; signing in needs no credential, the rest does. */
  signIn: async (setting: Setting) => (await api.post<{ url: string }>("auth/sso/start/", { ...setting, purpose: "sign_in" }, { open: true })).url,
  link: async (connection: string) => (await api.post<{ url: string }>("auth/sso/start/", { connection, purpose: "link" })).url,
  prove: async (connection: string) => (await api.post<{ url: string }>("auth/sso/start/", { connection, purpose: "reauthenticate" })).url,
  unlink: async (id: string) => { await api.remove(`${keys.identities}${encodeURIComponent(id)}/`); invalidate(keys.identities); },
  identities: async () => (await api.get<{ results: Identity[] }>(keys.identities)).results,
};

export const useIdentities = () => useList<Identity>(keys.identities);

export function useConnections(enabled = true) {
  const workspace = useWorkspaceId();
  return useList<SsoConnection>(workspace && enabled ? keys.sso.list(workspace) : null);
}

export function useConnectionActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.sso.list(workspace);
  const one = (id: string) => keys.sso.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); await mutate(list); return value; };
  return {
    create: (input: SsoConnectionInput) => changed(api.post<SsoConnection>(list, input)),
    edit: (id: string, input: SsoConnectionPatch) => changed(api.patch<SsoConnection>(one(id), input)),
    remove: (id: string) => changed(api.remove(one(id))),
    test: (id: string) => api.post<{ url: string; test: string }>(`${one(id)}test/`),
    outcome: (id: string, test: string) => api.get<SsoTest>(`${one(id)}tests/${encodeURIComponent(test)}/`),
  };
}
