import { describe, expect, it } from "vitest";
import { compact, duration, money, plural, when, dayName } from "./format";

describe("money", () => {
  it("never shows an unknown price as zero", () => expect(money(null)).toBe("no price"));
  it("keeps small amounts readable", () => {
    expect(money({ amount: "0", currency: "USD" })).toBe("$0.00");
    expect(money({ amount: "0.0012", currency: "USD" })).toBe("$0.0012");
    expect(money({ amount: "0.00001", currency: "USD" })).toBe("< $0.0001");
    expect(money({ amount: "12.345", currency: "USD" })).toBe("$12.35");
  });
});

describe("duration", () => {
  it("changes unit where people do", () => {
    expect(duration(40)).toBe("40 ms");
    expect(duration(4100)).toBe("4.1 s");
    expect(duration(72_000)).toBe("1 min 12 s");
    expect(duration(3_780_000)).toBe("1 h 3 min");
    expect(duration(null)).toBe("–");
  });
});

describe("counts", () => {
  it("shortens thousands and millions", () => {
    expect([compact(999), compact(8192), compact(128000), compact(1_500_000)]).toEqual(["999", "8.2k", "128k", "1.5M"]);
  });
  it("agrees in number", () => expect([plural(1, "run"), plural(1200, "run")]).toEqual(["1 run", "1,200 runs"]));
});

describe("when", () => {
  it("leaves out what is the same as now", () => {
    const now = new Date("2026-11-22T12:00:00");
    expect(when("2026-11-22T09:05:00", now)).toBe("09:05");
    expect(when("2026-03-02T09:05:00", now)).toBe("2 Mar");
    expect(when("2024-03-02T09:05:00", now)).toBe("2 Mar 2024");
  });
});

describe("days", () => {
  it("names a day of the server's calendar alike in every time zone", () => expect(dayName("2026-10-24")).toBe("24 Oct"));
});
