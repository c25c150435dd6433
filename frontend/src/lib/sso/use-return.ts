"use client";
// What came back from an identity provider, read from the address once and kept until it was dealt with: the address itself
// is cleared at once, so that it is neither bookmarked nor sent on.
import { useSyncExternalStore } from "react";
import { readReturn, type Returned } from "./returned";

let kept: Returned = null;
let seen = "";
const listeners = new Set<() => void>();

function read(): Returned {
  if (location.hash && location.hash !== seen) {
    seen = location.hash;
    kept = readReturn(new URLSearchParams(seen.slice(1))) ?? kept;
  }
  return kept;
}

function watch(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("hashchange", listener);
  };
}

export const useReturn = (): Returned => useSyncExternalStore(watch, read, () => null);

export function forgetReturn(): void {
  kept = null;
  listeners.forEach((listener) => listener());
}
