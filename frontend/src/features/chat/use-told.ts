"use client";
// What this tab said to runs that go on, until it is read.
import { useEffect, useMemo, useState } from "react";
import type { Message, Run } from "@/lib/api/types";
import type { RunState } from "@/lib/stream/run-state";
import { rememberTold, rememberedTold, unheard, type Told } from "./told";

/** So long after a run's end its last words may take to become the next run's question. */
const LATE_MS = 60_000;
const NONE: Told[] = [];

type Page = { messages: Message[]; runs: Record<string, Run>; openRuns: string[]; loaded: boolean };

export function useTold(conversation: string | null, states: RunState[], page: Page) {
  const [all, setAll] = useState<Told[]>(() => (conversation ? rememberedTold(conversation) : NONE));
  const told = useMemo(() => unheard(all, states, page.messages), [all, states, page.messages]);
  useEffect(() => { if (conversation) rememberTold(conversation, told); }, [conversation, told]);

  const over = (run: string): boolean => {
    const state = states.find((one) => one.run === run);
    return state?.loaded ? state.endedAt !== null : page.loaded && !page.openRuns.includes(run);
  };
  const late = told.filter((one) => one.message !== null && over(one.run)).map((one) => one.key).join(" ");
  useEffect(() => {
    if (!late) return;
    // Nobody asks it any more: it must not be promised for ever.
    const timer = setTimeout(() => setAll((now) => now.filter((one) => !late.split(" ").includes(one.key))), LATE_MS);
    return () => clearTimeout(timer);
  }, [late]);

  return {
    told,
    add: (one: Told) => setAll((now) => [...now, one]),
    drop: (key: string) => setAll((now) => now.filter((one) => one.key !== key)),
    settle: (key: string, run: string, message: string) => setAll((now) => now.map((one) => (one.key === key ? { ...one, run, message } : one))),
  };
}
