import { describe, expect, it } from "vitest";
import { Problem } from "@/lib/api/problem";
import { askedIn, inGroups, plainCode, waysIn } from "./factor";

const refused = (code: string, body: Record<string, unknown>) => new Problem(401, code, "", "", null, [], body);

describe("what the server asks for", () => {
  it("is read from its refusal, with methods this client knows", () => {
    const asked = askedIn(refused("second_factor_required", { challenge: "c", methods: ["totp", "smoke_signal", "recovery_code"], webauthn: null }));
    expect(asked).toEqual({ challenge: "c", methods: ["totp", "recovery_code"], webauthn: null });
  });
  it("is not there in other refusals", () => {
    expect(askedIn(refused("wrong_credentials", { challenge: "c", methods: [] }))).toBeNull();
    expect(askedIn(refused("second_factor_required", {}))).toBeNull();
  });
  it("is offered quickest first, and a key only where the browser can use one", () => {
    const asked = { challenge: "c", methods: ["recovery_code" as const, "totp" as const, "webauthn" as const], webauthn: {} };
    expect(waysIn(asked, true)).toEqual(["webauthn", "totp", "recovery_code"]);
    expect(waysIn(asked, false)).toEqual(["totp", "recovery_code"]);
    expect(waysIn({ ...asked, webauthn: null }, true)).toEqual(["totp", "recovery_code"]);
  });
});

describe("codes", () => {
  it("are sent without blanks", () => expect(plainCode(" 123 456\n")).toBe("123456"));
  it("of a secret stand in groups", () => { expect(inGroups("ABCDEFGHIJ")).toBe("ABCD EFGH IJ"); expect(inGroups("")).toBe(""); });
});
