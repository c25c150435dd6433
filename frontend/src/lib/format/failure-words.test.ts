import { describe, expect, it } from "vitest";
import { adviceBeside } from "./failure-words";

describe("advice", () => {
  it("is not said twice: the server's detail ends with it", () => expect(adviceBeside("provider_rate_limited", "Ours is limiting requests. Wait a moment, then try again.")).toBe(""));
  it("is said when there is no detail, or one that only quotes", () => {
    expect(adviceBeside("provider_rate_limited", undefined)).toContain("Wait a minute");
    expect(adviceBeside("provider_rejected", "Ours did not accept the request (400).")).toContain("setting is wrong");
  });
});
