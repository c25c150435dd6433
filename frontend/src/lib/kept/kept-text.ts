// What somebody typed outlives a reload and a failed request: it is forgotten only when the server has it.
const KEY = (place: string) => `aap.draft.${place}`;

export function keptText(place: string): string {
  try { return sessionStorage.getItem(KEY(place)) ?? ""; } catch { return ""; }
}

export function keepText(place: string, text: string): void {
  try { if (text) sessionStorage.setItem(KEY(place), text); else sessionStorage.removeItem(KEY(place)); } catch { /* full or private */ }
}
