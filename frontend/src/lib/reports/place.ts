// Where an error happened, in our own files only. Nothing of its words: they may quote what is on the page.

export type Frame = { file: string; function: string; line: number; column: number };
const MOST_FRAMES = 50;

// Chromium: "    at name (https://host/file.js:1:2)", "    at https://…"; Firefox and Safari: "name@https://host/file.js:1:2".
const LINE = /^\s*(?:at\s+)?(?:(?:async|new)\s+)*(.*?)[\s@(]*((?:https?):\/\/[^\s()]+?):(\d+):(\d+)\)?\s*$/;
const OUR_FILE = /^\/_next\/static\/[\w.~/-]+\.js$/;
const NAME = /^[\w$.<>]{0,60}$/;

/** The places in a stack, the innermost first. */
export function framesOf(error: unknown, origin: string): Frame[] {
  if (!(error instanceof Error) || typeof error.stack !== "string") return [];
  return withoutMessage(error.stack, error.message).split("\n").flatMap((line) => frameOf(line, origin)).slice(0, MOST_FRAMES);
}

function frameOf(line: string, origin: string): Frame[] {
  const found = LINE.exec(line);
  if (!found) return [];
  const [, name = "", address = "", row, column] = found;
  if (!address.startsWith(`${origin}/`)) return [];
  const file = address.slice(origin.length);
  return OUR_FILE.test(file) ? [{ file, function: NAME.test(name) ? name : "", line: Number(row), column: Number(column) }] : [];
}

/** Chromium puts the message before the places, and lines of a message may look like places. */
function withoutMessage(stack: string, message: string): string {
  const at = message ? stack.indexOf(message) : -1;
  return at >= 0 && /^[\w$. ]{0,80}(: )?$/.test(stack.slice(0, at)) ? stack.slice(at + message.length) : stack;
}

export function nameOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return /^[A-Za-z]{1,60}$/.test(name) ? name : "Error";
}

/** Our own word for a refusal, or React's number: both say much, and nothing of anybody. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error && typeof error.code === "string" ? error.code.toLowerCase() : "";
  const react = /^Minified React error #(\d{1,4});/.exec(error.message);
  if (react) return `react_${react[1]}`;
  return /^[a-z0-9_.]{1,60}$/.test(code) ? code : "";
}
