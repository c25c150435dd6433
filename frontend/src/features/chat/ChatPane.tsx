"use client";
// The chat itself: the turns, the state of the connection, and the box to write in. Routes say where it stands.
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { LuArrowDown, LuLoaderCircle, LuWifiOff, LuX } from "react-icons/lu";
import { OPEN_CARD } from "@/components/decisions/DecisionCard";
import { Button, ButtonLink, IconButton } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { cx } from "@/components/ui/classes";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import type { Mode } from "@/lib/api/types";
import { isOver } from "@/lib/stream/run-state";
import { useLink } from "@/lib/stream/use-stream";
import { loadMarkdown } from "./AnswerText";
import { Composer } from "./Composer";
import { TurnView } from "./TurnView";
import { interruptedAbove, takesOver, type Turn } from "./turns";
import { useChat, type Chat, type Start } from "./use-chat";
import { useStickToEnd } from "./use-stick-to-end";

type Props = {
  conversation: string | null; place: string; start: Start; onStarted: (conversation: string) => void; beforeSend?: () => Promise<void>;
  hero: ReactNode; starters?: string[]; left?: ReactNode; blocked?: ReactNode; placeholder?: string; autoFocus?: boolean; narrow?: boolean;
};

/** Says that the connection is away, but only when it stays away for longer than a blink. */
function LinkChip({ catchingUp, running }: { catchingUp: boolean; running: boolean }) {
  const link = useLink();
  const away = link === "reconnecting" || link === "offline";
  const word = link === "offline" ? (running ? "Offline: the answer goes on without you" : "Offline") : away ? "Reconnecting" : catchingUp ? "Catching up" : null;
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSaid(word), word ? 700 : 0);
    return () => clearTimeout(timer);
  }, [word]);
  return (
    <div role="status" aria-live="polite" className="pointer-events-none absolute inset-x-0 -top-10 flex justify-center px-4">
      {said ? <span className="enter inline-flex min-h-7 items-center gap-1.5 rounded-full border border-border bg-raised px-3 text-meta text-waiting shadow-float">{link === "offline" ? <LuWifiOff size={14} className="shrink-0" aria-hidden /> : <LuLoaderCircle size={14} className="spin shrink-0" aria-hidden />}{said}</span> : null}
    </div>
  );
}

function FailureNote({ chat }: { chat: Chat }) {
  if (!chat.failure) return null;
  const { what, textKept, problem } = chat.failure;
  return (
    <div role="alert" className="mb-2 flex items-center gap-2 rounded-control border border-failed bg-surface py-1 pl-3 pr-1 text-small">
      <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        <strong className="font-medium">{what} </strong>
        {problem.code === "agent_not_published" ? "This agent has no published version yet. Publish it, then send again." : problem.field("text") ?? problem.detail}{textKept ? " Your text is still in the box." : ""}
      </div>
      {problem.requestId ? <CopyButton text={problem.requestId} label="Copy request id" /> : null}
      <IconButton icon={LuX} label="Dismiss" onClick={chat.dismiss} />
    </div>
  );
}

export function ChatPane({ conversation, place, start, onStarted, beforeSend, hero, starters, left, blocked, placeholder = "Write a message", autoFocus, narrow }: Props) {
  const chat = useChat({ conversation, place, start, onStarted, beforeSend });
  const { scroller, content, below, toEnd } = useStickToEnd(chat.turns[0]?.run, chat.running);
  const empty = conversation === null && chat.turns.length === 0;
  const column = cx("mx-auto w-full max-w-[720px]", narrow ? "px-4" : "px-6 max-md:px-4");
  const { running, waiting, stop, hasOlder, loadingOlder, loadOlder } = chat;

  useEffect(loadMarkdown, []);
  useEffect(() => {
    // What waits for a person is stopped by the button only: here Escape means to leave a field.
    if (!running || waiting) return;
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || document.querySelector('[role="dialog"],[role="menu"]')) return;
      void stop();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [running, waiting, stop]);

  const send = (text: string, mode: Mode = "queue") => {
    requestAnimationFrame(() => toEnd());
    return chat.send(text, mode);
  };
  const again = (text: string) => void send(text);
  // The same functions at every drawing: otherwise each turn would be drawn again with each piece of text.
  const latest = useRef(chat.takeOver);
  useEffect(() => { latest.current = chat.takeOver; });
  const takeOver = useCallback((run: string, way: "again" | "on") => {
    requestAnimationFrame(() => toEnd());
    void latest.current(run, way);
  }, [toEnd]);
  /** The control that had the focus is gone: on to the next thing that waits, else to where one writes. */
  const afterDecision = useCallback(() => requestAnimationFrame(() => {
    const next = scroller.current?.querySelector<HTMLElement>(OPEN_CARD);
    const box = matchMedia("(pointer: coarse)").matches ? null : document.querySelector<HTMLElement>("[data-composer]");
    (next ?? box ?? scroller.current)?.focus({ preventScroll: !next });
  }), [scroller]);
  const last = chat.turns.at(-1);
  const news = last && !last.live ? (last.status === "failed" ? "The answer failed" : last.status === "cancelled" ? "Stopped" : "Answer complete") : waiting ? ["Waiting for you", ...asking(chat.turns)].join(": ") : running ? "Answering" : "";

  if (chat.missing && chat.turns.length === 0) return <ProblemPanel problem={chat.missing} onRetry={chat.retry} action={<ButtonLink href="/chats/" size="small">All chats</ButtonLink>} />;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller} tabIndex={empty ? -1 : 0} role="region" aria-label="Conversation" className={cx("relative min-h-0 overflow-y-auto overscroll-contain outline-offset-[-2px]", empty ? "flex-[3_1_0%]" : "flex-1")}
        onScroll={(event) => { if (event.currentTarget.scrollTop < 120 && hasOlder && !loadingOlder) loadOlder(); }}
      >
        <div ref={content} className={cx(column, empty ? "flex min-h-full flex-col justify-end pb-6" : "pb-8 pt-4")}>
          {empty ? hero : null}
          {chat.loading ? <LoadingTurns /> : null}
          {hasOlder ? <div className="flex justify-center py-2"><Button size="small" look="quiet" busy={loadingOlder} onClick={loadOlder}>Older messages</Button></div> : null}
          {chat.turns.map((turn, i) => (
            <TurnView
              key={turn.run} turn={turn} interrupted={interruptedAbove(turn, chat.turns[i - 1])} takesOver={takesOver(turn, chat.turns)} taking={chat.taking === turn.run}
              onTakeOver={takeOver} onDecided={afterDecision} ahead={chat.turns.slice(0, i).some((one) => one.live && !isOver(one.status))} onAgain={turn === last && !running ? again : undefined}
            />
          ))}
          {!empty && !chat.loading && chat.turns.length === 0 ? <p className="py-16 text-center text-muted">No messages here yet.</p> : null}
        </div>
      </div>
      <p className="sr-only" role="status">{news}</p>
      <div className={cx("relative shrink-0", !empty && "pb-[max(12px,env(safe-area-inset-bottom))]")}>
        {below === "none" || empty ? null : (
          <button type="button" onClick={() => toEnd(true)} className="enter absolute -top-11 left-1/2 z-10 inline-flex h-8 -translate-x-1/2 items-center gap-1.5 rounded-full border border-border bg-raised px-3 text-small shadow-float hover:bg-hover">
            <LuArrowDown size={16} aria-hidden />{below === "new" ? "New text" : "To the end"}
          </button>
        )}
        <div className={column}>
          <div className="relative">
            {below === "none" && !empty && !chat.failure ? <LinkChip catchingUp={chat.catchingUp} running={running} /> : null}
            <FailureNote chat={chat} />
            {blocked ?? (
              <Composer
                place={place} running={running} waiting={waiting} stopping={chat.stopping} label="Message" onSend={send} onStop={() => void stop()} left={left} autoFocus={autoFocus}
                placeholder={placeholder} error={chat.failure?.problem.field("text")}
              />
            )}
          </div>
        </div>
      </div>
      {empty ? (
        <div className={cx(column, "flex-[4_1_0%] overflow-y-auto pt-4")}>
          {starters?.length && !blocked ? (
            <ul aria-label="Ways to begin" className="flex flex-col">
              {starters.map((starter) => (
                <li key={starter} className="border-b border-border last:border-b-0">
                  <button type="button" onClick={() => void send(starter)} className="flex min-h-11 w-full items-center rounded-control px-4 py-2 text-left text-body text-muted hover:bg-hover hover:text-text">{starter}</button>
                </li>
              ))}
            </ul>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

/** What is asked, for those who do not see the card come. */
const asking = (turns: Turn[]): string[] => turns.flatMap((turn) => turn.parts.flatMap((part) => (part.kind === "decision" && part.open ? [part.asked.prompt] : [])));

function LoadingTurns() {
  return (
    <div role="status" aria-label="Loading messages" className="flex flex-col gap-4 py-4">
      <Skeleton className="h-11 w-2/5 self-end rounded-card" />
      <Skeleton className="h-3 w-1/3" /><Skeleton className="h-4 w-full" /><Skeleton className="h-4 w-11/12" /><Skeleton className="h-4 w-3/5" />
      <Skeleton className="mt-6 h-11 w-1/3 self-end rounded-card" /><Skeleton className="h-4 w-4/5" />
    </div>
  );
}
