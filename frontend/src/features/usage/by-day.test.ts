import { expect, it } from "vitest";
import { byDay } from "./by-day";

it("fills the days without runs, over a month's end", () => {
  const days = byDay([{ day: "2026-02-28", tokens: 5, cost: null, runs: 1 }], 3, new Date("2026-03-01T23:00:00Z"));
  expect(days.map((day) => [day.day, day.tokens])).toEqual([["2026-02-27", 0], ["2026-02-28", 5], ["2026-03-01", 0]]);
});
