// Between the socket and the screen: one entry per followed run, frames folded as they come, screens told once per
// painted frame. Runs that a followed conversation starts arrive unasked and are kept for whoever takes them.
import { noteRun } from "@/lib/reports/report";
import type { RunFrame, ServerFrame } from "./frames";
import { reduceRun } from "./reduce-run";
import { emptyRun, isOver, openMessage, type RunState } from "./run-state";
import { StreamSocket, type Link } from "./socket";

type Entry = {
  state: RunState; shown: RunState; holders: number; listeners: Set<() => void>;
  lastResync: number; missing: string | null; dropTimer?: ReturnType<typeof setTimeout>;
};
type Notice = { run: string; what: string };
type Topic = { holders: number; listeners: Set<(notice: Notice) => void>; joined: Set<() => void> };

const RESYNC_MS = 400;

export class StreamHub {
  private runs = new Map<string, Entry>();
  private topics = new Map<string, Topic>();
  private dirty = new Set<Entry>();
  private painting = false;
  readonly socket = new StreamSocket((frame) => this.receive(frame), () => this.resubscribe());

  get link(): Link { return this.socket.link; }

  private entry(run: string): Entry {
    let entry = this.runs.get(run);
    if (!entry) {
      const state = emptyRun(run);
      entry = { state, shown: state, holders: 0, listeners: new Set(), lastResync: 0, missing: null };
      this.runs.set(run, entry);
    }
    return entry;
  }

  /** Follow a run until the returned function is called. */
  hold(run: string): () => void {
    const entry = this.entry(run);
    clearTimeout(entry.dropTimer);
    entry.holders += 1;
    if (entry.holders === 1 && entry.state.seq === 0) this.ask(entry, false);
    this.socket.open();
    const unnote = noteRun(run);
    return () => {
      setTimeout(unnote, 2_000); // a screen that broke is gone before it is told of
      entry.holders -= 1;
      // A short wait: a screen that is only being replaced takes it right back.
      if (entry.holders === 0) entry.dropTimer = setTimeout(() => this.forget(entry), 2_000);
    };
  }

  private forget(entry: Entry): void {
    this.runs.delete(entry.state.run);
    if (!isOver(entry.state.status)) this.socket.send({ type: "unsubscribe", run: entry.state.run });
  }

  peek = (run: string): RunState => this.runs.get(run)?.shown ?? this.entry(run).shown;
  missing = (run: string): string | null => this.runs.get(run)?.missing ?? null;

  watch = (run: string, listener: () => void): (() => void) => {
    const entry = this.entry(run);
    entry.listeners.add(listener);
    return () => void entry.listeners.delete(listener);
  };

  /** Hear of a topic until the returned function is called. `onJoined`: from now on, the first time and after each break;
   * what happened before was not heard, so what was read before must be read again. */
  follow(topic: string, onNotice: (notice: Notice) => void, onJoined: () => void): () => void {
    let entry = this.topics.get(topic);
    if (!entry) { entry = { holders: 0, listeners: new Set(), joined: new Set() }; this.topics.set(topic, entry); }
    const held = entry;
    held.holders += 1;
    held.listeners.add(onNotice);
    held.joined.add(onJoined);
    if (held.holders === 1) this.askTopic(topic);
    this.socket.open();
    return () => {
      held.holders -= 1;
      held.listeners.delete(onNotice);
      held.joined.delete(onJoined);
      if (held.holders === 0) { this.topics.delete(topic); this.socket.send({ type: "unsubscribe", topic }); }
    };
  }

  private askTopic(topic: string): void {
    this.socket.send({ type: "subscribe", topic, ...(topic.startsWith("conversation:") ? { follow: true } : {}) });
  }

  private ask(entry: Entry, again: boolean): void {
    const { run, seq } = entry.state;
    const open = again ? undefined : openMessage(entry.state);
    this.socket.send({ type: "subscribe", run, after_seq: seq, ...(open && open.length > 0 ? { message: open.id, offset: open.length } : {}) });
  }

  private resubscribe(): void {
    for (const topic of this.topics.keys()) this.askTopic(topic);
    for (const entry of this.runs.values()) {
      if (entry.holders === 0 || (isOver(entry.state.status) && entry.state.loaded)) continue;
      entry.state = { ...entry.state, caughtUp: false, resyncing: false };
      this.ask(entry, false);
    }
  }

  private receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "event": case "delta": case "caught_up": return this.fold(frame);
      case "subscribed": return this.topics.get(frame.topic)?.joined.forEach((listener) => listener());
      case "notice": return this.topics.get(frame.topic)?.listeners.forEach((listener) => listener({ run: frame.run, what: frame.what }));
      case "error": {
        const entry = frame.run ? this.runs.get(frame.run) : undefined;
        if (entry) { entry.missing = frame.detail || frame.code; entry.state = { ...entry.state }; this.paintLater(entry); }
      }
    }
  }

  private fold(frame: RunFrame): void {
    const entry = this.entry(frame.run);
    const { state, effect } = reduceRun(entry.state, frame);
    if (effect === "resubscribe") {
      const wait = Math.max(0, entry.lastResync + RESYNC_MS - Date.now());
      entry.lastResync = Date.now() + wait;
      setTimeout(() => this.ask(entry, true), wait);
    }
    if (state === entry.state) return;
    entry.state = state;
    if (frame.type === "event" && frame.event.type === "run.queued" && state.conversation) {
      this.topics.get(`conversation:${state.conversation}`)?.listeners.forEach((listener) => listener({ run: frame.run, what: "run.queued" }));
    }
    this.paintLater(entry);
  }

  private paintLater(entry: Entry): void {
    this.dirty.add(entry);
    if (this.painting) return;
    this.painting = true;
    if (document.hidden) setTimeout(() => this.paint(), 200);
    else requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.painting = false;
    const changed = [...this.dirty];
    this.dirty.clear();
    for (const entry of changed) {
      entry.shown = entry.state;
      entry.listeners.forEach((listener) => listener());
    }
  }
}

let shared: StreamHub | null = null;
/** The tab's hub; made on first use in the browser. */
export const hub = (): StreamHub => (shared ??= new StreamHub());
