"use client";
// Pages of one object are exported once, under a placeholder, and the server hands that file out for every id. Only
// the address knows the real id. The first render must match the exported page, so it never shows an id.
import { usePathname } from "next/navigation";
import { useSyncExternalStore } from "react";

const never = () => () => undefined;

export function useHydrated(): boolean {
  return useSyncExternalStore(never, () => true, () => false);
}

/** The id in `/<section>/<id>/`, or null: before hydration, on other pages, and for the placeholder itself. */
export function useRouteId(section: string): string | null {
  const path = usePathname();
  const hydrated = useHydrated();
  return hydrated ? idInPath(path, section) : null;
}

export function idInPath(path: string, section: string): string | null {
  const [first, id] = path.split("/").filter(Boolean);
  if (first !== section || !id || id === "_") return null;
  try { return decodeURIComponent(id); } catch { return null; }
}
