"use client";
// API tokens, one's own and those of service accounts, and the accounts themselves.
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { ServiceAccount, Token, TokenInput, TokenPatch, TokenSecret } from "../types";
import { invalidate, useList } from "./collection";

export function useTokens(account: string | null = null) {
  const workspace = useWorkspaceId();
  return useList<Token>(workspace && (account ? keys.accountTokens(workspace, account) : keys.tokens.list(workspace)));
}

export function useServiceAccounts(enabled = true) {
  const workspace = useWorkspaceId();
  return useList<ServiceAccount>(workspace && enabled ? keys.serviceAccounts.list(workspace) : null);
}

export function useTokenActions(account: string | null = null) {
  const workspace = useWorkspaceId() ?? "";
  const list = account ? keys.accountTokens(workspace, account) : keys.tokens.list(workspace);
  const one = (id: string) => keys.tokens.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); return value; };
  return {
    create: (input: TokenInput) => changed(api.post<TokenSecret>(list, input)),
    edit: (id: string, input: TokenPatch) => changed(api.patch<Token>(one(id), input)),
    rotate: (id: string, overlap: number) => changed(api.post<TokenSecret>(`${one(id)}rotate/`, { overlap_seconds: overlap })),
    revoke: (id: string) => changed(api.remove(one(id))),
  };
}

export function useServiceAccountActions() {
  const workspace = useWorkspaceId() ?? "";
  const list = keys.serviceAccounts.list(workspace);
  const one = (id: string) => keys.serviceAccounts.one(workspace, id);
  const changed = async <T>(work: Promise<T>): Promise<T> => { const value = await work; invalidate(list); return value; };
  return {
    create: (name: string, role: string) => changed(api.post<ServiceAccount>(list, { name, role })),
    edit: (id: string, input: { name?: string; role?: string; enabled?: boolean }) => changed(api.patch<ServiceAccount>(one(id), input)),
    remove: (id: string) => changed(api.remove(one(id))),
  };
}
