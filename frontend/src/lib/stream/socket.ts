// One socket per tab. It carries any number of runs and topics, renews its credential in place, and comes back by
// itself after anything but a refusal.
import { freshToken, onTokenRenewed, refreshToken, endSession, currentToken } from "@/lib/session/token";
import { parseFrame, type ServerFrame } from "./frames";

export type Link = "idle" | "connecting" | "live" | "reconnecting" | "offline" | "refused";

const PING_MS = 25_000;
const PONG_MS = 10_000;
const QUIET_CLOSE = 1000;

/** Without a network at all, a server on this same machine is as near as ever: then nobody is offline. */
const onThisMachine = () => /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname);
const isOffline = () => navigator.onLine === false && !onThisMachine();

export class StreamSocket {
  private socket: WebSocket | null = null;
  private ready = false;
  private wanted = false;
  private tries = 0;
  private refusals = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;
  private pongTimer: ReturnType<typeof setTimeout> | undefined;
  private renewTimer: ReturnType<typeof setTimeout> | undefined;
  private sentToken: string | null = null;
  private listeners = new Set<() => void>();
  link: Link = "idle";

  constructor(private onFrame: (frame: ServerFrame) => void, private onReady: () => void) {
    if (typeof window === "undefined") return;
    window.addEventListener("online", () => { this.hurry(); this.ping(); });
    window.addEventListener("offline", () => this.wanted && isOffline() && this.setLink("offline"));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) { this.hurry(); this.ping(); } });
    onTokenRenewed(() => this.authenticateAgain());
  }

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  open(): void {
    this.wanted = true;
    if (this.link === "refused") this.refusals = 0;
    if (!this.socket && !this.retryTimer) void this.connect();
  }

  close(): void {
    this.wanted = false;
    this.dropSocket();
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.setLink("idle");
  }

  /** Frames sent before the socket is ready are not kept: `onReady` asks for everything again. */
  send(frame: object): void {
    if (this.ready && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private setLink(link: Link): void {
    if (this.link === link) return;
    this.link = link;
    this.listeners.forEach((listener) => listener());
  }

  private hurry(): void {
    if (!this.wanted || this.ready || !this.retryTimer) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    void this.connect();
  }

  private async connect(): Promise<void> {
    this.setLink(this.tries === 0 && this.link !== "offline" ? "connecting" : isOffline() ? "offline" : "reconnecting");
    let token: string | null;
    try { token = await freshToken(); } catch { return this.retry(); }
    if (!this.wanted || this.socket) return;
    if (!token) return this.refuse();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/v1/`);
    this.socket = socket;
    this.sentToken = token;
    socket.onopen = () => socket.send(JSON.stringify({ type: "authenticate", token }));
    socket.onmessage = (message) => { if (socket === this.socket) this.receive(parseFrame(message.data)); };
    socket.onclose = (closed) => { if (socket === this.socket) this.closed(closed.code); };
  }

  private receive(frame: ServerFrame | null): void {
    if (!frame) return;
    clearTimeout(this.pongTimer);
    // A network that only blinked leaves the socket whole: what arrives on it proves that.
    if (this.ready && this.link === "offline" && !isOffline()) this.setLink("live");
    if (frame.type === "pong") return;
    if (frame.type !== "ready") return this.onFrame(frame);
    clearTimeout(this.renewTimer);
    const lead = Math.min(60, frame.expires_in / 3);
    this.renewTimer = setTimeout(() => void refreshToken().catch(() => undefined), Math.max(2, frame.expires_in - lead) * 1000);
    if (this.ready) return;
    this.ready = true;
    this.tries = 0;
    this.refusals = 0;
    clearInterval(this.pingTimer);
    this.pingTimer = setInterval(() => this.ping(), PING_MS);
    this.setLink("live");
    this.onReady();
  }

  private authenticateAgain(): void {
    const token = currentToken();
    if (!token || token === this.sentToken) return;
    this.sentToken = token;
    this.send({ type: "authenticate", token });
  }

  private ping(): void {
    if (!this.ready) return;
    this.send({ type: "ping" });
    clearTimeout(this.pongTimer);
    this.pongTimer = setTimeout(() => { this.dropSocket(); this.retry(); }, PONG_MS);
  }

  private dropSocket(): void {
    const socket = this.socket;
    this.socket = null;
    this.ready = false;
    clearInterval(this.pingTimer);
    clearTimeout(this.pongTimer);
    clearTimeout(this.renewTimer);
    socket?.close(QUIET_CLOSE);
  }

  private closed(code: number): void {
    this.dropSocket();
    if (!this.wanted) return this.setLink("idle");
    if (code === 4403) { this.wanted = false; return this.setLink("refused"); }
    if (code === 4401) return void this.proveAgain();
    this.retry(code === 1013 ? 4_000 : 0);
  }

  /** Refused: one new token may put it right. A second refusal, or no new token, means signed out. */
  private async proveAgain(): Promise<void> {
    this.setLink("reconnecting");
    this.refusals += 1;
    try {
      const token = this.refusals > 1 ? null : await refreshToken();
      if (!token) return this.refuse();
    } catch { return this.retry(); }
    if (this.wanted && !this.socket) void this.connect();
  }

  private refuse(): void {
    this.wanted = false;
    this.setLink("refused");
    endSession();
  }

  private retry(atLeast = 0): void {
    if (!this.wanted || this.retryTimer) return;
    this.tries += 1;
    this.setLink(isOffline() ? "offline" : "reconnecting");
    const ceiling = Math.min(15_000, 400 * 1.8 ** Math.min(this.tries, 8));
    const wait = atLeast + ceiling * (0.5 + Math.random() / 2);
    this.retryTimer = setTimeout(() => { this.retryTimer = undefined; void this.connect(); }, wait);
  }
}
