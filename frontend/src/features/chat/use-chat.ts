"use client";
// One chat: saved messages, live runs, and the message on its way, as one list of turns.
import { useEffect, useMemo, useState } from "react";
import { newKey } from "@/lib/api/client";
import type { Mode } from "@/lib/api/types";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useConversationActions } from "@/lib/api/resources/conversations";
import { useMessages } from "@/lib/api/resources/messages";
import { useRunActions } from "@/lib/api/resources/runs";
import { isOver, type RunState } from "@/lib/stream/run-state";
import { useRuns, useTopic } from "@/lib/stream/use-stream";
import { keepText } from "@/lib/kept/kept-text";
import { mergeTurns, turnFromRun, turnsFromPage, type Turn } from "./turns";

type Asked = { run: string; text: string; at: string; mode: Mode };
type Pending = { key: string; text: string; at: string; mode: Mode };
export type Started = { run: string; conversation: string };
export type Start = (text: string, key: string) => Promise<Started>;

/** A chat that was just made hands its first question to the screen that opens on its address. */
const handedOver = new Map<string, Asked[]>();
const drawn = new WeakMap<RunState, Turn>();
const NONE: Asked[] = [];

function draw(state: RunState, asked: Asked | undefined): Turn {
  const known = drawn.get(state);
  if (known) return known;
  const turn = turnFromRun(state, asked);
  drawn.set(state, turn);
  return turn;
}

type Input = { conversation: string | null; place: string; start: Start; onStarted: (conversation: string) => void; beforeSend?: () => Promise<void> };

export function useChat({ conversation, place, start, onStarted, beforeSend }: Input) {
  const page = useMessages(conversation);
  const actions = useConversationActions();
  const { cancel } = useRunActions();
  const [asked, setAsked] = useState<Asked[]>(() => (conversation ? handedOver.get(conversation) ?? NONE : NONE));
  const [heard, setHeard] = useState<string[]>([]);
  const [pending, setPending] = useState<Pending | null>(null);
  const [failed, setFailed] = useState<Pending | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [stopping, setStopping] = useState<string[]>([]);

  useEffect(() => { if (conversation) handedOver.delete(conversation); }, [conversation]);

  const runIds = useMemo(() => [...new Set([...page.openRuns, ...asked.map((one) => one.run), ...heard])], [page.openRuns, asked, heard]);
  const runs = useRuns(runIds);

  useTopic(conversation && `conversation:${conversation}`, ({ run }) => {
    if (!runIds.includes(run) && !page.runs[run]) setHeard((now) => (now.includes(run) ? now : [...now, run]));
  }, page.reread);

  const saved = useMemo(() => turnsFromPage(page.messages, page.runs), [page.messages, page.runs]);
  const turns = useMemo(() => {
    const live = runs.map((state) => draw(state, asked.find((one) => one.run === state.run)));
    const merged = mergeTurns(saved, live.filter((turn) => turn.loaded || turn.question !== null || !saved.some((one) => one.run === turn.run)));
    if (!pending) return merged;
    const since = Date.parse(pending.at) - 60_000;
    const arrived = live.some((turn) => turn.question === pending.text && turn.at !== null && Date.parse(turn.at) >= since && !asked.some((one) => one.run === turn.run));
    return arrived ? merged : [...merged, sendingTurn(pending)];
  }, [runs, saved, asked, pending]);

  const open = runs.filter((state) => !isOver(state.status));
  const current = open.find((state) => state.status !== "queued") ?? open[0] ?? null;

  const send = async (text: string, mode: Mode = "queue"): Promise<boolean> => {
    const again = failed?.text === text && failed.mode === mode ? failed : null;
    const message: Pending = { key: again?.key ?? newKey(), text, mode, at: new Date().toISOString() };
    setProblem(null);
    setPending(message);
    keepText(`${place}.sending`, text);
    try {
      await beforeSend?.();
      const made = conversation ? { run: (await actions.post(conversation, text, message.key, mode)).run, conversation } : await start(text, message.key);
      const mine = { run: made.run, text, mode, at: message.at };
      keepText(`${place}.sending`, "");
      setFailed(null);
      setPending(null);
      if (conversation) setAsked((now) => [...now, mine]);
      else {
        handedOver.set(made.conversation, [mine]);
        onStarted(made.conversation);
      }
      return true;
    } catch (error) {
      keepText(`${place}.sending`, "");
      const reason = toProblem(error);
      // Only an unanswered request may have arrived: the same key then makes sending it again harmless.
      setFailed(reason.offline || reason.status >= 500 ? message : null);
      setPending(null);
      setProblem(reason);
      return false;
    }
  };

  const stop = async (): Promise<void> => {
    if (!current) return;
    const run = current.run;
    setStopping((now) => [...now, run]);
    try { await cancel(run); } catch (error) {
      setProblem(toProblem(error));
      setStopping((now) => now.filter((one) => one !== run));
    }
  };

  return {
    turns, send, stop, problem, dismiss: () => setProblem(null), sending: pending !== null,
    running: current !== null, stopping: current !== null && stopping.includes(current.run),
    catchingUp: runs.some((state) => state.loaded && !state.caughtUp && !isOver(state.status)),
    loading: page.loading && asked.length === 0, missing: page.problem, retry: page.reread,
    hasOlder: page.hasOlder, loadingOlder: page.loadingOlder, loadOlder: page.loadOlder,
  };
}

export type Chat = ReturnType<typeof useChat>;

function sendingTurn({ key, text, at, mode }: Pending): Turn {
  return {
    run: key, at, question: text, interrupts: mode === "interrupt", sending: true, parts: [], live: true, loaded: false, caughtUp: false, status: "queued", attempt: 1, resumed: false,
    error: null, finish: null, agent: null, version: null, draft: false, modelName: null, cost: null, usage: null, startedAt: null, endedAt: null, compacted: 0,
  };
}
