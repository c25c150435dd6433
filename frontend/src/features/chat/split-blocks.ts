// Cuts markdown into pieces that can be drawn one by one, so that a growing answer draws only its last piece again.
// A cut is only made where the pieces mean the same apart as together.
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const ITEM = /^ {0,3}([-*+]|\d{1,9}[.)])(\s|$)/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:\s/m;

export function splitBlocks(text: string): string[] {
  if (DEFINITION.test(text)) return [text];
  const blocks: string[] = [];
  let current: string[] = [];
  let fence: string | null = null;
  let blank = false;
  for (const line of text.split("\n")) {
    const mark = FENCE.exec(line)?.[1];
    if (fence) {
      current.push(line);
      if (mark && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark) fence = null;
      continue;
    }
    const empty = line.trim() === "";
    if (!empty && blank && current.length && startsAnew(current, line)) { blocks.push(current.join("\n")); current = []; }
    if (mark) fence = mark;
    blank = empty;
    current.push(line);
  }
  if (current.join("").trim()) blocks.push(current.join("\n"));
  return blocks;
}

function startsAnew(current: string[], line: string): boolean {
  if (/^(\s)/.test(line)) return false;
  const first = current.find((one) => one.trim()) ?? "";
  return !(ITEM.test(first) && ITEM.test(line));
}
