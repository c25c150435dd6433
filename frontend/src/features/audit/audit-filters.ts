// What the audit log is narrowed to, as it is chosen and as it is sent; and entries in words.
import type { AuditEntry } from "@/lib/api/types";
import type { Filters } from "@/lib/api/keys";

export type AuditFilters = { q: string; kind: string; outcome: string; actor: string; target: string; from: string; to: string };
export const noFilters: AuditFilters = { q: "", kind: "", outcome: "", actor: "", target: "", from: "", to: "" };

const startOf = (day: string, plus = 0): string | undefined => {
  const [year, month, date] = day.split("-").map(Number);
  if (!year || !month || !date) return undefined;
  return new Date(year, month - 1, date + plus).toISOString();
};

/** Days are the person's own, from their first moment to their last. */
export function asQuery(filters: AuditFilters): Filters {
  return {
    q: filters.q.trim() || undefined, kind: filters.kind || undefined, outcome: filters.outcome || undefined, actor: filters.actor || undefined,
    target_id: filters.target || undefined, since: startOf(filters.from), until: startOf(filters.to, 1),
  };
}

export const isNarrowed = (filters: AuditFilters): boolean => Object.values(filters).some((value) => value.trim() !== "");

/** `api_token.create` as "API token: create". */
export function kindWords(kind: string): string {
  const [resource = "", verb = ""] = kind.split(".");
  const name = resource.replaceAll("_", " ").replace(/^api\b/, "API").replace(/^sso\b/, "SSO");
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${verb ? `: ${verb.replaceAll("_", " ")}` : ""}`;
}

const actors: Record<string, string> = { system: "The server", token: "An API token", anonymous: "Somebody not signed in", user: "A person" };
export const actorWords = (actor: AuditEntry["actor"]): string => (actor.label && actor.label !== actor.kind ? actor.label : actors[actor.kind] ?? actor.kind);
