"use client";
import { useSyncExternalStore } from "react";

const QUERY = "(min-width: 1024px)";

/** Whether two columns fit. Decides what is there at all, not only how it looks. */
export function useWide(): boolean {
  return useSyncExternalStore((listener) => {
    const media = matchMedia(QUERY);
    media.addEventListener("change", listener);
    return () => media.removeEventListener("change", listener);
  }, () => matchMedia(QUERY).matches, () => true);
}
