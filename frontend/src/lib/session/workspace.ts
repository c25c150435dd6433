// Which workspace this browser looks at. Kept by slug, outside the address: links stay short, and a person with one
// workspace never meets the idea.
import type { Workspace } from "@/lib/api/types";

const KEY = "aap.workspace";

export function rememberedWorkspace(): string | null {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

export function rememberWorkspace(slug: string): void {
  try { localStorage.setItem(KEY, slug); } catch { /* private mode: the choice lasts for this page */ }
}

export function pickWorkspace(all: Workspace[], slug: string | null): Workspace | null {
  return all.find((one) => one.slug === slug) ?? all[0] ?? null;
}
