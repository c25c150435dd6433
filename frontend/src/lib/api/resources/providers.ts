"use client";
// Providers and the models they offer: one changes the other, so they share their invalidation.
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Check, Discovered, Model, Provider, ProviderInput, ProviderKind } from "../types";
import { invalidate, useList, useOne } from "./collection";

export function useProviders() {
  const workspace = useWorkspaceId();
  return useList<Provider>(workspace && keys.providers.list(workspace));
}

export function useProviderKinds() {
  const workspace = useWorkspaceId();
  return useOne<{ results: ProviderKind[] }>(workspace && keys.providerKinds(workspace), { revalidateOnFocus: false });
}

export function useDiscovered() {
  const workspace = useWorkspaceId();
  return useOne<{ results: Discovered[] }>(workspace && keys.discovered(workspace), { revalidateOnFocus: false });
}

export function useModels(filters: { provider?: string; enabled?: boolean } = {}) {
  const workspace = useWorkspaceId();
  return useList<Model>(workspace && keys.models.list(workspace, { ...filters, limit: 200 }));
}

export function useProviderActions() {
  const workspace = useWorkspaceId() ?? "";
  const one = (id: string) => keys.providers.one(workspace, id);
  const changed = () => {
    invalidate(keys.providers.list(workspace));
    invalidate(keys.models.list(workspace));
  };
  const call = async <T>(work: Promise<T>): Promise<T> => {
    try { return await work; } finally { changed(); }
  };
  return {
    check: (input: ProviderInput) => api.post<Check>(`${keys.providers.list(workspace)}check/`, input),
    create: (input: ProviderInput) => call(api.post<Provider>(keys.providers.list(workspace), input)),
    test: (id: string) => call(api.post<Check>(`${one(id)}test/`)),
    sync: (id: string) => call(api.post<Check>(`${one(id)}sync/`)),
    edit: async (id: string, input: Partial<ProviderInput> & { enabled?: boolean }) => {
      const { etag } = await api.getTagged<Provider>(one(id));
      return call(api.patch<Provider>(one(id), input, { ifMatch: etag }));
    },
    remove: async (id: string) => {
      const { etag } = await api.getTagged<Provider>(one(id));
      return call(api.remove(one(id), { ifMatch: etag }));
    },
    editModel: (id: string, input: { enabled?: boolean; label?: string }) => call(api.patch<Model>(keys.models.one(workspace, id), input)),
    models: async (filters: { enabled?: boolean } = {}) => (await api.get<{ results: Model[] }>(keys.models.list(workspace, { ...filters, limit: 200 }))).results,
  };
}
