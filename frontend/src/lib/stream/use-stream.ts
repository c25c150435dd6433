"use client";
// The hooks that screens use to watch the stream.
import { useEffect, useEffectEvent, useSyncExternalStore } from "react";
import { hub } from "./hub";
import { emptyRun, type RunState } from "./run-state";
import type { Link } from "./socket";

const nothing = emptyRun("");
const never = () => () => undefined;

export function useRun(run: string | null): RunState {
  useEffect(() => (run ? hub().hold(run) : undefined), [run]);
  return useSyncExternalStore(
    run ? (listener) => hub().watch(run, listener) : never,
    () => (run ? hub().peek(run) : nothing), () => nothing,
  );
}

/** Why a run cannot be followed (gone, or not shared), or null. */
export function useRunMissing(run: string | null): string | null {
  return useSyncExternalStore(run ? (listener) => hub().watch(run, listener) : never, () => (run ? hub().missing(run) : null), () => null);
}

/** Several runs at once, in the given order. The array changes only when one of them does. */
export function useRuns(runs: string[]): RunState[] {
  const joined = runs.join(" ");
  useEffect(() => {
    const held = joined ? joined.split(" ").map((run) => hub().hold(run)) : [];
    return () => held.forEach((release) => release());
  }, [joined]);
  const version = useSyncExternalStore(
    (listener) => {
      const stops = joined ? joined.split(" ").map((run) => hub().watch(run, listener)) : [];
      return () => stops.forEach((stop) => stop());
    },
    () => stamp(joined), () => EMPTY,
  );
  return version;
}

const EMPTY: RunState[] = [];
const stamps = new Map<string, RunState[]>();
function stamp(joined: string): RunState[] {
  if (!joined) return EMPTY;
  const now = joined.split(" ").map((run) => hub().peek(run));
  const before = stamps.get(joined);
  if (before && before.length === now.length && before.every((state, i) => state === now[i])) return before;
  if (stamps.size > 20) stamps.clear();
  stamps.set(joined, now);
  return now;
}

export function useTopic(topic: string | null, onNotice: (notice: { run: string; what: string }) => void, onJoined: () => void = () => undefined): void {
  const notice = useEffectEvent(onNotice);
  const joined = useEffectEvent(onJoined);
  useEffect(() => (topic ? hub().follow(topic, (n) => notice(n), () => joined()) : undefined), [topic]);
}

const CALM_MS = 1_500;

/** Rereads a list when something happens in its topic, at most once in a while however much happens. */
export function useTopicRefresh(topic: string | null, refresh: () => void, calm = CALM_MS): void {
  const again = useEffectEvent(refresh);
  useEffect(() => {
    if (!topic) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => { timer ??= setTimeout(() => { timer = undefined; again(); }, calm); };
    const stop = hub().follow(topic, soon, soon);
    return () => { clearTimeout(timer); stop(); };
  }, [topic, calm]);
}

export function useLink(): Link {
  return useSyncExternalStore((listener) => hub().socket.watch(listener), () => hub().link, () => "idle");
}
