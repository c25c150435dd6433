"use client";
// Secrets of links stand behind the #, where no server and no log sees them.
import { useSyncExternalStore } from "react";

const onHash = (listener: () => void) => {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
};

/** The value of one name behind the #: "" if it is not there, null as long as the address is not known. */
export function useHash(name: string): string | null {
  return useSyncExternalStore(onHash, () => new URLSearchParams(location.hash.slice(1)).get(name) ?? "", () => null);
}

/** What was used up need not stay in the address and the history. */
export const clearHash = (): void => history.replaceState(history.state, "", location.pathname + location.search);
