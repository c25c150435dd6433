import { describe, expect, it } from "vitest";
import { isProofAsked, onProofAsked, proveIdentity, settleProof } from "./proof";

describe("a proof that calls wait for", () => {
  it("is asked for once, and answers all who wait", async () => {
    let told = 0;
    const stop = onProofAsked(() => { told += 1; });
    const first = proveIdentity();
    const second = proveIdentity();
    expect(isProofAsked()).toBe(true);
    settleProof(true);
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(isProofAsked()).toBe(false);
    expect(told).toBe(2);
    stop();
  });
  it("that is refused lets nobody through, and can be asked for again", async () => {
    const first = proveIdentity();
    settleProof(false);
    expect(await first).toBe(false);
    const again = proveIdentity();
    expect(isProofAsked()).toBe(true);
    settleProof(true);
    expect(await again).toBe(true);
  });
  it("that nobody waits for changes nothing", () => {
    settleProof(true);
    expect(isProofAsked()).toBe(false);
  });
});
