// What is typed into the form of a token, and what is sent of it.
import type { Permission, Token, TokenInput } from "@/lib/api/types";
import { forTokens, onlyReads } from "@/lib/rights/permissions";

export type Reach = "read" | "all" | "some";
export type Lifetime = "30" | "90" | "365" | "date" | "never";
export type TokenDraft = { name: string; reach: Reach; scopes: string[]; limited: boolean; agents: string[]; lifetime: Lifetime; date: string; networks: string; rate: string };

export const emptyDraft: TokenDraft = { name: "", reach: "read", scopes: [], limited: false, agents: [], lifetime: "90", date: "", networks: "", rate: "" };

/** The scopes that a choice comes to, of what its holder may do. */
export function scopesOf(draft: TokenDraft, held: string[]): string[] {
  const possible = forTokens(held);
  if (draft.reach === "all") return possible;
  return draft.reach === "read" ? possible.filter(onlyReads) : draft.scopes.filter((scope) => possible.includes(scope));
}

export const networksOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** The end as the server wants it: a chosen day lasts to its end, where the person is. */
export function endOf(draft: Pick<TokenDraft, "lifetime" | "date">, now: Date): string | null {
  if (draft.lifetime === "never") return null;
  if (draft.lifetime === "date") return draft.date ? new Date(`${draft.date}T23:59:59`).toISOString() : null;
  return new Date(now.getTime() + Number(draft.lifetime) * 86_400_000).toISOString();
}

export function inputOf(draft: TokenDraft, held: string[], now: Date): TokenInput {
  const networks = networksOf(draft.networks);
  return {
    name: draft.name.trim(), scopes: scopesOf(draft, held) as Permission[], expires_at: endOf(draft, now),
    ...(draft.limited ? { objects: draft.agents } : {}), ...(networks.length ? { networks } : {}), ...(draft.rate.trim() ? { per_minute: Number(draft.rate) } : {}),
  };
}

/** What is still to be said before a token can be made, in the order of the form. */
export function missing(draft: TokenDraft, held: string[]): string | null {
  if (!draft.name.trim()) return "Give it a name.";
  if (!scopesOf(draft, held).length) return "Choose what it may do.";
  if (draft.limited && !draft.agents.length) return "Choose the agents that it reaches.";
  if (draft.lifetime === "date" && !draft.date) return "Choose the day on which it ends.";
  return null;
}

export type TokenState = "live" | "expired" | "revoked";
export const stateOf = (token: Pick<Token, "revoked_at" | "expires_at">, now: Date): TokenState =>
  token.revoked_at ? "revoked" : token.expires_at && Date.parse(token.expires_at) <= now.getTime() ? "expired" : "live";
