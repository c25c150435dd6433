// The access token lives here, in memory, and nowhere else. The refresh token is an HttpOnly cookie that only the
// session path sees. It rotates, so two tabs must not spend the same one at once: refreshes go through a browser-wide lock.
import axios from "axios";

type Grant = { access: string; expires_in: number };
type Listener = () => void;

export const SESSION_PATH = "/api/v1/auth/session/";
export const CLIENT_HEADER = { "X-AAP-Client": "web" };
const AHEAD_MS = 60_000;
const HINT = "aap.session";

let access: string | null = null;
let expiresAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let inFlight: Promise<string | null> | null = null;
const renewed = new Set<Listener>();
const ended = new Set<Listener>();

export const currentToken = (): string | null => access;
export const onTokenRenewed = (listener: Listener): Listener => (renewed.add(listener), () => void renewed.delete(listener));
export const onSessionEnded = (listener: Listener): Listener => (ended.add(listener), () => void ended.delete(listener));

/** Whether this browser had a session before: decides what is asked first on load, nothing more. */
export function hadSession(): boolean {
  try { return localStorage.getItem(HINT) === "1"; } catch { return false; }
}

function remember(had: boolean): void {
  try { if (had) localStorage.setItem(HINT, "1"); else localStorage.removeItem(HINT); } catch { /* private mode */ }
}

export function acceptGrant(grant: Grant): void {
  access = grant.access;
  const lifetime = grant.expires_in * 1000;
  expiresAt = Date.now() + lifetime;
  remember(true);
  clearTimeout(timer);
  timer = setTimeout(() => void refreshToken().catch(() => undefined), Math.max(5_000, lifetime - AHEAD_MS));
  renewed.forEach((listener) => listener());
}

export function dropToken(): void {
  access = null;
  expiresAt = 0;
  clearTimeout(timer);
}

/** Signing out by choice: nobody needs to be told, the page is left. */
export function forgetSession(): void {
  dropToken();
  remember(false);
}

export function endSession(): void {
  dropToken();
  remember(false);
  ended.forEach((listener) => listener());
}

/** Signing out in one tab reaches the others: they ask whether their session still holds, and only then leave. */
if (typeof window !== "undefined") {
  window.addEventListener("storage", (event) => {
    if (event.key !== HINT || event.newValue !== null || !access) return;
    access = null;
    expiresAt = 0;
    void refreshToken().then((token) => { if (!token) endSession(); }).catch(() => undefined);
  });
}

async function spendRefresh(stale: string | null): Promise<string | null> {
  // Someone in this tab may have renewed while we waited for the lock.
  if (access && access !== stale && Date.now() < expiresAt) return access;
  try {
    const { data } = await axios.post<Grant>(`${SESSION_PATH}refresh/`, {}, { headers: CLIENT_HEADER, timeout: 20_000 });
    acceptGrant(data);
    return data.access;
  } catch (error) {
    const status = axios.isAxiosError(error) ? error.response?.status : undefined;
    if (status === 401 || status === 403) { remember(false); return null; }
    throw error; // the server is away: that is no reason to sign anybody out
  }
}

/** A new access token, null when the session is over; throws when the server cannot be reached. */
export function refreshToken(): Promise<string | null> {
  const stale = access;
  const spend = (): Promise<string | null> => spendRefresh(stale);
  const locked = async (): Promise<string | null> => (navigator.locks ? await navigator.locks.request("aap.refresh", spend) : spend());
  inFlight ??= locked().finally(() => { inFlight = null; });
  return inFlight;
}

/** The token to use now, renewed first when it is about to run out. */
export async function freshToken(): Promise<string | null> {
  if (access && Date.now() < expiresAt - 5_000) return access;
  return refreshToken();
}
