// What the levels of sharing let people do, said for each kind of thing; and why somebody has access.
import type { Level, ObjectAccess, Visibility } from "@/lib/api/types";
import { roleWords } from "@/lib/rights/words";

export type SharedKind = "agent" | "conversation" | "provider";
export const levels: Level[] = ["view", "run", "edit", "manage"];

const words: Record<SharedKind, Record<Level, { name: string; text: string }>> = {
  agent: {
    view: { name: "Can see", text: "sees the agent and its versions" }, run: { name: "Can chat", text: "sees it and chats with it" },
    edit: { name: "Can change", text: "chats with it, changes and publishes it" }, manage: { name: "Can manage", text: "does everything with it, sharing and deleting too" },
  },
  conversation: {
    view: { name: "Can read", text: "reads the chat and its runs" }, run: { name: "Can write", text: "reads it, writes in it, answers and stops runs" },
    edit: { name: "Can change", text: "writes in it, renames it and changes its agent" }, manage: { name: "Can manage", text: "does everything with it, sharing and deleting too" },
  },
  provider: {
    view: { name: "Can see", text: "sees the provider and its address" }, run: { name: "Can use", text: "sees it and uses its models in agents" },
    edit: { name: "Can change", text: "uses it, changes its address, key and models" }, manage: { name: "Can manage", text: "does everything with it, sharing and removing too" },
  },
};

export const levelWords = (kind: SharedKind, level: Level): { name: string; text: string } => words[kind][level];

export const visibilityWords = (kind: SharedKind, workspace: string): Record<Visibility, { label: string; text: string }> => ({
  workspace: { label: `Everybody in ${workspace}`, text: kind === "provider" ? "Whoever builds agents can use its models." : "All members see it and can chat with it, as far as their role goes." },
  restricted: { label: "Only the people below", text: kind === "provider" ? "And admins and owners, who reach all providers." : "And its owner, and admins and owners, who reach all agents." },
});

/** What somebody's rights come to: the highest level, or nothing. */
export function atMost(can: readonly Level[]): Level | null {
  return [...levels].reverse().find((level) => can.includes(level)) ?? null;
}

export function reasonWords(kind: SharedKind, reason: ObjectAccess["reasons"][number]): string {
  const level = levelWords(kind, reason.level).name.toLowerCase();
  switch (reason.why) {
    case "owner": return `${kind === "conversation" ? "It is their chat" : "They own it"}: ${level}`;
    case "role": return `As ${roleWords(reason.by ?? "").name.toLowerCase()} they reach all of them: ${level}`;
    case "workspace": return `It is open to everybody here: ${level}`;
    case "group": return `Shared with the group ${reason.by ?? ""}: ${level}`;
    default: return `Shared with them: ${level}`;
  }
}

/** A role is the ceiling: what was given beyond it has no effect, and that is worth saying. */
export function ceilingWords(kind: SharedKind, access: Pick<ObjectAccess, "can" | "reasons" | "role">): string | null {
  const given = atMost(access.reasons.map((reason) => reason.level));
  const real = atMost(access.can);
  if (!given || (real && levels.indexOf(real) >= levels.indexOf(given))) return null;
  const role = roleWords(access.role).name;
  return real ? `The role ${role} allows no more than “${levelWords(kind, real).name.toLowerCase()}”.` : `The role ${role} allows none of it.`;
}
