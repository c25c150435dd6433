// What a browser brings back from an identity provider, behind the # of the page that it is sent to.
import type { Asked } from "@/lib/factor/factor";
import type { FactorMethod } from "@/lib/api/types";

export type Returned =
  | { what: "failed"; code: string; next: string } | { what: "factor"; asked: Asked; next: string }
  | { what: "linked" } | { what: "reauthenticated" } | null;

const methods: FactorMethod[] = ["webauthn", "totp", "recovery_code"];

function unpack(packed: string | null): unknown {
  if (!packed) return null;
  try {
    const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch { return null; }
}

export function readReturn(hash: URLSearchParams): Returned {
  const next = hash.get("next") ?? "/";
  const error = hash.get("sso_error");
  if (error) return { what: "failed", code: error, next };
  const sso = hash.get("sso");
  if (sso === "linked" || sso === "reauthenticated") return { what: sso };
  const challenge = hash.get("challenge");
  if (sso !== "second_factor_required" || !challenge) return null;
  const offered = (hash.get("methods") ?? "").split(",");
  return { what: "factor", next, asked: { challenge, methods: methods.filter((method) => offered.includes(method)), webauthn: unpack(hash.get("webauthn")) } };
}

const reasons: Record<string, string> = {
  attempt_over: "This sign-in took too long or was used already. Start again.",
  other_browser: "This sign-in was started in another browser, or its cookie is gone. Start again here.",
  connection_off: "This way of signing in was switched off. Ask an owner of the workspace.",
  provider_refused: "Your organisation’s sign-in page sent you back without signing you in.",
  provider_unreachable: "Your organisation’s sign-in service does not answer. Try again, or tell an owner.",
  answer_refused: "The answer of your organisation’s sign-in service could not be trusted. Tell an owner.",
  no_stable_name: "Your organisation’s sign-in service names you anew each time. Tell an owner: it must not.",
  email_missing: "Your organisation’s sign-in service did not tell your e-mail address. Tell an owner.",
  email_unverified: "Your organisation’s sign-in service does not vouch for your e-mail address. Tell an owner.",
  domain_not_approved: "New people can join this way only with an address of a domain that was approved.",
  link_first: "There is an account with your e-mail address. Sign in as you always do, then link it under Settings.",
  groups_left_out: "Your organisation’s sign-in service left out your groups, as they are too many. Tell an owner.",
  no_role: "Nothing in your organisation’s groups gives you a role here. Ask an owner.",
  not_a_member: "You are not a member of this workspace. Ask for an invitation.",
  account_disabled: "Your account was disabled. Ask an owner or an operator.",
  identity_taken: "This sign-in belongs to another account already.",
  other_person: "You came back as somebody else. Sign in there as yourself.",
  not_fresh: "Your organisation’s sign-in service did not ask you again who you are. Try once more.",
  sso_required: "Another workspace asks you to sign in through its own sign-in service.",
  session_over: "You were signed out meanwhile. Sign in again, then try once more.",
  too_many_requests: "Too many sign-ins at once. Wait a minute, then try again.",
};

export const whyNot = (code: string): string => reasons[code] ?? "The sign-in did not come about. Try again.";
