// What changed between two states of an agent, as lines for text and as before/after for the rest.
import type { Draft, Limits } from "@/lib/api/types";

export type Line = { kind: "same" | "added" | "removed"; text: string };
export type Change = { field: string; label: string; lines: Line[] };

/** The shortest line diff, by the longest common subsequence. Instructions are short enough for the full table. */
export function diffLines(before: string, after: string): Line[] {
  const a = before ? before.split("\n") : [];
  const b = after ? after.split("\n") : [];
  if (a.length * b.length > 4_000_000) return [...a.map((text) => ({ kind: "removed" as const, text })), ...b.map((text) => ({ kind: "added" as const, text }))];
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push({ kind: "same", text: a[i] ?? "" }); i++; j++; }
    else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) lines.push({ kind: "removed", text: a[i++] ?? "" });
    else lines.push({ kind: "added", text: b[j++] ?? "" });
  }
  return lines;
}

/** Keeps two lines around each change and folds the rest. */
export function foldLines(lines: Line[], around = 2): (Line | { kind: "fold"; count: number })[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - around), i + around + 1).some((line) => line.kind !== "same"));
  const out: (Line | { kind: "fold"; count: number })[] = [];
  let hidden = 0;
  lines.forEach((line, i) => {
    if (near[i]) {
      if (hidden) out.push({ kind: "fold", count: hidden });
      hidden = 0;
      out.push(line);
    } else hidden++;
  });
  if (hidden) out.push({ kind: "fold", count: hidden });
  return out;
}

const list = (items: string[]) => items.join("\n");
const limit = (n: number | null) => (n === null ? "no limit" : String(n));
const limitLines = (limits: Limits) => list([
  `Steps: ${limits.max_steps}`, `Tokens: ${limit(limits.max_tokens)}`, `Seconds: ${limits.max_seconds}`,
  `Cost: ${limits.max_cost ? `${limits.max_cost.amount} ${limits.max_cost.currency}` : "no limit"}`,
]);

/** What two forms of a whole agent differ in, its name and description included. */
export function differences(mine: Draft & Named, theirs: Draft & Named): Change[] {
  const named = (["name", "description"] as const).filter((field) => mine[field] !== theirs[field]);
  return [
    ...named.map((field) => ({ field, label: field === "name" ? "Name" : "Description", lines: diffLines(mine[field], theirs[field]) })),
    ...changesBetween(mine, theirs),
  ];
}
type Named = { name: string; description: string };

export function changesBetween(before: Draft, after: Draft): Change[] {
  const pairs: [string, string, string, string][] = [
    ["instructions", "Instructions", before.instructions, after.instructions],
    ["model", "Model", before.model_name ?? before.model ?? "none", after.model_name ?? after.model ?? "none"],
    ["tools", "Tools", list([...before.tools].sort()), list([...after.tools].sort())],
    ["starters", "Ways to begin", list(before.starters), list(after.starters)],
    ["limits", "Limits", limitLines(before.limits), limitLines(after.limits)],
  ];
  return pairs.filter(([, , a, b]) => a !== b).map(([field, label, a, b]) => ({ field, label, lines: diffLines(a, b) }));
}
