"use client";
// What everybody may know of an installation: whether it is still to be set up, and whether anybody signs in through an organisation.
import { useEffect, useSyncExternalStore } from "react";
import { api } from "@/lib/api/client";
import type { SetUpState } from "@/lib/api/types";

let known: SetUpState | null = null;
const listeners = new Set<() => void>();

export async function askSetUpState(): Promise<SetUpState> {
  known = await api.get<SetUpState>("setup/", { open: true });
  listeners.forEach((listener) => listener());
  return known;
}

function watch(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

/** Whether to offer the way through an organisation; no, as long as that is not known. */
export function useSingleSignOn(): boolean {
  const offered = useSyncExternalStore(watch, () => known?.single_sign_on ?? null, () => null);
  useEffect(() => { if (offered === null) void askSetUpState().catch(() => undefined); }, [offered]);
  return offered ?? false;
}
