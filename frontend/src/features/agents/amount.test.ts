import { describe, expect, it } from "vitest";
import { decimal } from "./amount";

describe("decimal", () => {
  it("takes a comma, a bare point and what is only half typed", () => expect(["0,5", ".5", "0.", " 12 ", "1.25"].map(decimal)).toEqual(["0.5", "0.5", "0", "12", "1.25"]));
  it("leaves the rest for the server to judge", () => expect(decimal("1,000.50")).toBe("1.000.50"));
});
