// Tells the server that a page broke: what kind of error, where in our files, and the ids that lead to the rest. The code
// that the person sees is the id of that very request, so it stands in the server's log and in whatever reports go on to.
import { codeOf, framesOf, nameOf } from "./place";

export type How = "screen" | "uncaught" | "rejection";

const MOST = 10; // a page that breaks again and again has said enough
const codes = new WeakMap<object, string>();
const told = new Set<string>();
const onScreen: string[] = [];
let failedRequest: string | null = null;

export const noteFailedRequest = (id: string | null): void => { if (id) failedRequest = id; };

/** A run is looked at until the returned function is called. */
export function noteRun(run: string): () => void {
  onScreen.push(run);
  return () => { const at = onScreen.lastIndexOf(run); if (at >= 0) onScreen.splice(at, 1); };
}

/** What a person can name: the same for the same error, however often it is shown. */
export function codeFor(error: object): string {
  const known = codes.get(error);
  if (known) return known;
  const code = `page_${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  codes.set(error, code);
  return code;
}

export function report(error: object, how: How): void {
  const code = codeFor(error);
  if (told.has(code) || told.size >= MOST) return;
  const frames = framesOf(error, location.origin);
  // What nobody caught may be an extension's; and a request that was given up is no fault.
  if (how !== "screen" && (frames.length === 0 || ["AbortError", "CanceledError"].includes(nameOf(error)))) return;
  told.add(code);
  const body = {
    error: nameOf(error), code: codeOf(error), how, page: pageOf(location.pathname), run: onScreen.at(-1) ?? null, failed_request: failedRequest, frames,
  };
  void fetch("/api/v1/page-errors/", {
    method: "POST", body: JSON.stringify(body), credentials: "omit", referrerPolicy: "no-referrer", keepalive: true,
    headers: { "Content-Type": "application/json", "X-Request-ID": code },
  }).catch(() => undefined);
}

/** The path alone: what stands behind ? and # is nobody's business. */
const pageOf = (path: string): string => (/^\/[\w./-]{0,190}$/.test(path) ? path : "/404/");

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

if (typeof window !== "undefined") {
  addEventListener("error", (event) => { if (isObject(event.error)) report(event.error, "uncaught"); });
  addEventListener("unhandledrejection", (event) => { if (isObject(event.reason)) report(event.reason, "rejection"); });
}
