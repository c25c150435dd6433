import { describe, expect, it } from "vitest";
import type { SsoConnection } from "@/lib/api/types";
import { changesOf, draftOf, emptyConnection, inputOf } from "./connection-draft";

const known: SsoConnection = {
  id: "sso_1", kind: "oidc", name: "Corp", issuer: "https://id.example", client_id: "us", has_secret: true, domains: [{ domain: "corp.example", approved: true }],
  groups_claim: "groups", default_role: "viewer", mapping: [{ group: "staff", role: "user", groups: [] }], enabled: true, enforced: false, redirect_uri: "", entity_id: null, sign_requests: false, require_encrypted: false, certificate: "", created_at: "",
};

describe("setting up a connection", () => {
  it("sends what its kind asks for", () => {
    const oidc = inputOf({ ...emptyConnection, name: " Corp ", issuer: "https://id.example", clientId: "us", domains: "corp.example, corp.test\n", rules: [{ group: " ", role: "user", groups: [] }] });
    expect(oidc).toEqual({ kind: "oidc", name: "Corp", issuer: "https://id.example", client_id: "us", domains: ["corp.example", "corp.test"], default_role: "", mapping: [] });
    const saml = inputOf({ ...emptyConnection, kind: "saml", name: "Corp", metadataUrl: "https://id.example/metadata", issuer: "left over", secret: "left over" });
    expect(saml).toMatchObject({ kind: "saml", metadata_url: "https://id.example/metadata", sign_requests: false, require_encrypted: false });
    expect(oidc).not.toHaveProperty("sign_requests");
    expect(saml).not.toHaveProperty("issuer");
    expect(saml).not.toHaveProperty("client_secret");
  });
});

describe("changing one", () => {
  it("sends nothing of what stayed", () => expect(changesOf(known, draftOf(known))).toEqual({}));
  it("sends the options of SAML when they changed, and every group of a rule", () => {
    const saml: SsoConnection = { ...known, kind: "saml", sign_requests: true };
    expect(changesOf(saml, { ...draftOf(saml), encrypted: true })).toEqual({ require_encrypted: true });
    const two = { ...known, mapping: [{ group: "staff", role: "user", groups: ["grp_1", "grp_2"] }] };
    expect(changesOf(two, draftOf(two))).toEqual({});
    expect(changesOf(two, { ...draftOf(two), rules: [{ group: "staff", role: "user", groups: ["grp_2"] }] })).toEqual({ mapping: [{ group: "staff", role: "user", groups: ["grp_2"] }] });
  });
  it("sends what changed, and a secret only when one was typed", () => {
    expect(changesOf(known, { ...draftOf(known), role: "", secret: "s" })).toEqual({ default_role: "", client_secret: "s" });
    expect(changesOf(known, { ...draftOf(known), domains: "corp.example other.example" })).toEqual({ domains: ["corp.example", "other.example"] });
  });
});
