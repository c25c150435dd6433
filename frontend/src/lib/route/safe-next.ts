import { isPassed } from "./doors";

/** Where to go after signing in: only a path of this site, never another origin. */
export function safeNext(next: string | null): string {
  if (!next || !next.startsWith("/")) return "/";
  try {
    const url = new URL(next, "http://here.invalid");
    return url.host === "here.invalid" && !isPassed(url.pathname) ? url.pathname + url.search + url.hash : "/";
  } catch { return "/"; }
}

/** The same, from the present address. A secret behind the # goes along: it must never stand in the query, where logs see it. */
export function nextHere(): string {
  const next = safeNext(new URLSearchParams(location.search).get("next"));
  return next.includes("#") || next === "/" ? next : next + location.hash;
}
