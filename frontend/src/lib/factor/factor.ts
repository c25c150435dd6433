// The second factor as the client speaks of it: what the server asks for, how each way is called, and codes as people type them.
import type { Problem } from "@/lib/api/problem";
import type { FactorMethod } from "@/lib/api/types";

export type Asked = { challenge: string; methods: FactorMethod[]; webauthn: unknown };

/** What the server asks for, if that is why it refused. */
export function askedIn(problem: Problem): Asked | null {
  if (problem.code !== "second_factor_required") return null;
  const { challenge, methods, webauthn } = problem.body;
  if (typeof challenge !== "string" || !Array.isArray(methods)) return null;
  return { challenge, methods: methods.filter(isMethod), webauthn };
}

const known: FactorMethod[] = ["webauthn", "totp", "recovery_code"];
const isMethod = (value: unknown): value is FactorMethod => known.some((one) => one === value);

/** The ways that work in this browser, the quickest first. */
export const waysIn = (asked: Asked, keys: boolean): FactorMethod[] =>
  known.filter((method) => asked.methods.includes(method) && (method !== "webauthn" || (keys && Boolean(asked.webauthn))));

/** A code without the blanks that apps and papers put into it. */
export const plainCode = (typed: string): string => typed.replace(/\s/g, "");

/** A secret in groups that can be read aloud and typed. */
export const inGroups = (secret: string): string => secret.match(/.{1,4}/g)?.join(" ") ?? "";
