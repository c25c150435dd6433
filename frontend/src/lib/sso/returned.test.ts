import { describe, expect, it } from "vitest";
import { readReturn, whyNot } from "./returned";

const back = (text: string) => readReturn(new URLSearchParams(text));

describe("what comes back from an identity provider", () => {
  it("is a refusal with its reason, and where one wanted to go", () => {
    expect(back("sso_error=no_role&next=%2Fusage%2F")).toEqual({ what: "failed", code: "no_role", next: "/usage/" });
    expect(whyNot("no_role")).toMatch("role");
    expect(whyNot("something new")).toMatch("Try again");
  });
  it("is a second factor that is due, with the options of a key", () => {
    const packed = btoa(JSON.stringify({ rpId: "x", challenge: "??>>" })).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    expect(back(`sso=second_factor_required&challenge=c&methods=totp,webauthn,smoke&webauthn=${packed}`)).toEqual({
      what: "factor", next: "/", asked: { challenge: "c", methods: ["webauthn", "totp"], webauthn: { rpId: "x", challenge: "??>>" } },
    });
    expect(back("sso=second_factor_required&challenge=c&methods=totp&webauthn=!!")).toMatchObject({ asked: { webauthn: null } });
  });
  it("is good news, or nothing", () => {
    expect(back("sso=linked")).toEqual({ what: "linked" });
    expect(back("sso=reauthenticated")).toEqual({ what: "reauthenticated" });
    for (const nothing of ["", "token=x", "sso=second_factor_required", "sso=odd"]) expect(back(nothing)).toBeNull();
  });
});
