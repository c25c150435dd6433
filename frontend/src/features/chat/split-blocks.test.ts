import { describe, expect, it } from "vitest";
import { splitBlocks } from "./split-blocks";

describe("splitBlocks", () => {
  it("cuts at empty lines", () => expect(splitBlocks("# A\n\nb\nc\n\nd")).toEqual(["# A\n", "b\nc\n", "d"]));
  it("never cuts inside a fence, open or closed", () => {
    expect(splitBlocks("```py\na\n\nb\n```\n\nend")).toEqual(["```py\na\n\nb\n```\n", "end"]);
    expect(splitBlocks("x\n\n```\na\n\nb")).toEqual(["x\n", "```\na\n\nb"]);
  });
  it("keeps a loose list together, with its numbers", () => expect(splitBlocks("1. a\n\n2. b\n\n   more\n\nend")).toEqual(["1. a\n\n2. b\n\n   more\n", "end"]));
  it("keeps a text with link definitions whole", () => expect(splitBlocks("[a]\n\n[a]: https://x.test")).toHaveLength(1));
  it("loses nothing", () => {
    const text = "a\n\n- b\n\n- c\n\n> d\n\n~~~\n\n```\n\n~~~\n\ne";
    expect(splitBlocks(text).join("\n")).toBe(text);
  });
});
