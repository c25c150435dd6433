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
import { withTold } from "./told";
import { mergeTurns, turnFromRun, turnsFromPage, type Turn } from "./turns";
import { useTold } from "./use-told";

type Asked = { run: string; text: string | null; at: string; mode: Mode; continues?: Turn["continues"] };
type Pending = { key: string; text: string; at: string; mode: Mode };
/** What did not happen, and whether the text that it was about is back in the box. */
export type Failure = { what: string; textKept: boolean; problem: Problem };
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
  const { cancel, retry, goOn } = useRunActions();
  const [asked, setAsked] = useState<Asked[]>(() => (conversation ? handedOver.get(conversation) ?? NONE : NONE));
  const [heard, setHeard] = useState<string[]>([]);
  const [pending, setPending] = useState<Pending | null>(null);
  const [failed, setFailed] = useState<Pending | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [taking, setTaking] = useState<string | null>(null);
  const [stopping, setStopping] = useState<string[]>([]);

  useEffect(() => { if (conversation) handedOver.delete(conversation); }, [conversation]);

  const runIds = useMemo(() => [...new Set([...page.openRuns, ...asked.map((one) => one.run), ...heard])], [page.openRuns, asked, heard]);
  const runs = useRuns(runIds);

  useTopic(conversation && `conversation:${conversation}`, ({ run }) => {
    if (!runIds.includes(run) && !page.runs[run]) setHeard((now) => (now.includes(run) ? now : [...now, run]));
  }, page.reread);
  const { told, ...telling } = useTold(conversation, runs, page);

  const saved = useMemo(() => turnsFromPage(page.messages, page.runs), [page.messages, page.runs]);
  const turns = useMemo(() => {
    const live = runs.map((state) => draw(state, asked.find((one) => one.run === state.run)));
    const merged = withTold(mergeTurns(saved, live.filter((turn) => turn.loaded || turn.question !== null || !saved.some((one) => one.run === turn.run))), told);
    if (!pending) return merged;
    const since = Date.parse(pending.at) - 60_000;
    const arrived = live.some((turn) => turn.question === pending.text && turn.at !== null && Date.parse(turn.at) >= since && !asked.some((one) => one.run === turn.run));
    return arrived ? merged : [...merged, sendingTurn(pending)];
  }, [runs, saved, asked, pending, told]);

  const open = runs.filter((state) => !isOver(state.status));
  const current = open.find((state) => state.status !== "queued") ?? open[0] ?? null;

  const send = async (text: string, mode: Mode = "queue"): Promise<boolean> => {
    const again = failed?.text === text && failed.mode === mode ? failed : null;
    const message: Pending = { key: again?.key ?? newKey(), text, mode, at: new Date().toISOString() };
    // Only where there is something to tell it to; without one it is a message like any other.
    const hearer = mode === "steer" && conversation ? current : null;
    setFailure(null);
    if (hearer) telling.add({ key: message.key, run: hearer.run, message: null, text, at: message.at }); else setPending(message);
    keepText(`${place}.sending`, text);
    try {
      await beforeSend?.();
      if (hearer && conversation) {
        const posted = await actions.post(conversation, text, message.key, mode);
        keepText(`${place}.sending`, "");
        setFailed(null);
        if (runIds.includes(posted.run)) telling.settle(message.key, posted.run, posted.message);
        else {
          telling.drop(message.key);
          setAsked((now) => [...now, { run: posted.run, text, mode, at: message.at }]);
        }
        return true;
      }
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
      telling.drop(message.key);
      setFailure({ what: "Not sent.", textKept: true, problem: reason });
      return false;
    }
  };

  /** A new run that takes over from one that has ended: the same again, or on from where it was cut. */
  const takeOver = async (run: string, way: "again" | "on"): Promise<boolean> => {
    if (taking !== null) return false;
    setTaking(run);
    setFailure(null);
    try {
      const made = await (way === "again" ? retry(run) : goOn(run));
      setAsked((now) => [...now, { run: made.id, text: null, at: made.created_at, mode: "queue", continues: made.continues }]);
      return true;
    } catch (error) {
      setFailure({ what: way === "again" ? "Not tried again." : "Not continued.", textKept: false, problem: toProblem(error) });
      return false;
    } finally { setTaking(null); }
  };

  const stop = async (): Promise<void> => {
    if (!current) return;
    const run = current.run;
    setStopping((now) => [...now, run]);
    try { await cancel(run); } catch (error) {
      setFailure({ what: "Not stopped.", textKept: false, problem: toProblem(error) });
      setStopping((now) => now.filter((one) => one !== run));
    }
  };

  return {
    turns, send, stop, takeOver, taking, failure, dismiss: () => setFailure(null), sending: pending !== null,
    running: current !== null, waiting: current?.status === "waiting", stopping: current !== null && stopping.includes(current.run),
    catchingUp: runs.some((state) => state.loaded && !state.caughtUp && !isOver(state.status)),
    loading: page.loading && asked.length === 0, missing: page.problem, retry: page.reread,
    hasOlder: page.hasOlder, loadingOlder: page.loadingOlder, loadOlder: page.loadOlder,
  };
}

export type Chat = ReturnType<typeof useChat>;

function sendingTurn({ key, text, at, mode }: Pending): Turn {
  return {
    run: key, at, question: text, interrupts: mode === "interrupt", sending: true, parts: [], live: true, loaded: false, caughtUp: false, status: "queued", attempt: 1, resumed: false,
    error: null, finish: null, agent: null, version: null, draft: false, modelName: null, cost: null, usage: null, startedAt: null, endedAt: null, compacted: 0, continues: null,
  };
}
