import { describe, expect, it } from "vitest";
import { codeOf, framesOf, nameOf } from "./place";

const HERE = "https://agents.test";
const FILE = "/_next/static/chunks/a1.js";
const broken = (message: string, stack: string, name = "TypeError"): Error => Object.assign(new Error(message), { name, stack });

describe("framesOf", () => {
  it("reads Chromium's stacks", () => {
    const stack = `TypeError: a secret\n    at r.show (${HERE}${FILE}:1:20)\n    at async ${HERE}${FILE}:2:30\n    at new K (${HERE}${FILE}:3:4)`;
    expect(framesOf(broken("a secret", stack), HERE)).toEqual([
      { file: FILE, function: "r.show", line: 1, column: 20 }, { file: FILE, function: "", line: 2, column: 30 }, { file: FILE, function: "K", line: 3, column: 4 },
    ]);
  });
  it("reads Firefox's and Safari's", () => {
    expect(framesOf(broken("a secret", `show@${HERE}${FILE}:1:20\n@${HERE}${FILE}:2:30\n`), HERE)).toEqual([
      { file: FILE, function: "show", line: 1, column: 20 }, { file: FILE, function: "", line: 2, column: 30 },
    ]);
  });
  it("takes no words: neither of the message, nor of other files, nor of addresses", () => {
    const said = `Anna earns\n    at Anna (${HERE}${FILE}:7:7)\n7`;
    const stack = `Error: ${said}\n    at Anna Smith (${HERE}${FILE}:1:2)\n    at f (${HERE}/invitation/?next=x#token=s:1:1)\n    at g (https://evil.test${FILE}:1:1)\n    at h (chrome-extension://x/y.js:1:1)\n    at i (${HERE}.evil.test${FILE}:1:1)`;
    expect(framesOf(broken(said, stack, "Problem"), HERE)).toEqual([{ file: FILE, function: "", line: 1, column: 2 }]);
  });
  it("bears what is no error", () => { for (const odd of [null, "text", 7, {}, { stack: 7 }]) expect(framesOf(odd, HERE)).toEqual([]); });
});

describe("the names of errors", () => {
  it("are names, or none", () => {
    expect(nameOf(broken("", ""))).toBe("TypeError");
    expect(nameOf(broken("", "", "Anna Smith"))).toBe("Error");
    expect(nameOf("Anna")).toBe("Error");
  });
  it("come with our codes and React's numbers", () => {
    expect(codeOf(Object.assign(new Error("Anna"), { code: "not_found" }))).toBe("not_found");
    expect(codeOf(Object.assign(new Error("Anna"), { code: "Anna Smith" }))).toBe("");
    expect(codeOf(new Error("Minified React error #31; visit https://react.dev/errors/31?args[]=Anna"))).toBe("react_31");
    expect(codeOf(new Error("Anna"))).toBe("");
  });
});
