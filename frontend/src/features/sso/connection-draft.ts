// A connection to an identity provider as it is typed, and what is sent of it.
import type { SsoConnection, SsoConnectionInput, SsoConnectionPatch } from "@/lib/api/types";

export type Rule = { group: string; role: string; groups: string[] };
export type ConnectionDraft = {
  kind: "oidc" | "saml"; name: string; issuer: string; clientId: string; secret: string; metadata: string; metadataUrl: string; sign: boolean; encrypted: boolean;
  domains: string; claim: string; role: string; rules: Rule[];
};

export const emptyConnection: ConnectionDraft = { kind: "oidc", name: "", issuer: "", clientId: "", secret: "", metadata: "", metadataUrl: "", sign: false, encrypted: false, domains: "", claim: "", role: "", rules: [] };

export const draftOf = (one: SsoConnection): ConnectionDraft => ({
  ...emptyConnection, kind: one.kind, name: one.name, issuer: one.issuer, clientId: one.client_id, domains: one.domains.map((domain) => domain.domain as string).join("\n"),
  sign: one.sign_requests, encrypted: one.require_encrypted, claim: one.groups_claim, role: one.default_role, rules: one.mapping.map((rule) => ({ group: rule.group, role: rule.role, groups: rule.groups })),
});

const domainsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
const rulesOf = (rules: Rule[]) => rules.filter((rule) => rule.group.trim()).map((rule) => ({ group: rule.group.trim(), role: rule.role, groups: rule.groups }));

const shared = (draft: ConnectionDraft) => ({
  domains: domainsOf(draft.domains), default_role: draft.role, mapping: rulesOf(draft.rules), ...(draft.claim.trim() ? { groups_claim: draft.claim.trim() } : {}),
});

export function inputOf(draft: ConnectionDraft): SsoConnectionInput {
  const { kind } = draft;
  const own = kind === "oidc"
    ? { issuer: draft.issuer.trim(), client_id: draft.clientId.trim(), ...(draft.secret ? { client_secret: draft.secret } : {}) }
    : { ...(draft.metadata.trim() ? { metadata: draft.metadata.trim() } : { metadata_url: draft.metadataUrl.trim() }), sign_requests: draft.sign, require_encrypted: draft.encrypted };
  return { kind, name: draft.name.trim(), ...own, ...shared(draft) };
}

/** Only what changed: sending the issuer or the metadata has the provider read anew, and makes its tests worthless. */
export function changesOf(was: SsoConnection, draft: ConnectionDraft): SsoConnectionPatch {
  const before = draftOf(was);
  const now = shared(draft);
  const old = shared(before);
  const changes: Record<string, unknown> = {};
  if (draft.name.trim() !== was.name) changes.name = draft.name.trim();
  if (draft.kind === "oidc") {
    if (draft.issuer.trim() !== was.issuer) changes.issuer = draft.issuer.trim();
    if (draft.clientId.trim() !== was.client_id) changes.client_id = draft.clientId.trim();
    if (draft.secret) changes.client_secret = draft.secret;
  } else {
    if (draft.metadata.trim()) changes.metadata = draft.metadata.trim();
    else if (draft.metadataUrl.trim()) changes.metadata_url = draft.metadataUrl.trim();
    if (draft.sign !== was.sign_requests) changes.sign_requests = draft.sign;
    if (draft.encrypted !== was.require_encrypted) changes.require_encrypted = draft.encrypted;
  }
  for (const [name, value] of Object.entries(now)) if (JSON.stringify(value) !== JSON.stringify(old[name as keyof typeof old])) changes[name] = value;
  return changes as SsoConnectionPatch;
}
