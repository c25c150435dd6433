/** Where to go after signing in: only a path of this site, never another origin. */
export function safeNext(next: string | null): string {
  if (!next || !next.startsWith("/")) return "/";
  try {
    const url = new URL(next, "http://here.invalid");
    return url.host === "here.invalid" && !url.pathname.startsWith("/sign-in") && !url.pathname.startsWith("/setup") ? url.pathname + url.search + url.hash : "/";
  } catch { return "/"; }
}
