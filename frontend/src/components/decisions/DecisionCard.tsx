"use client";
// What a run waits for, and the way to decide it: the same card in the chat, on the run's page and in the list of all
// that waits. Text that was typed outlives errors, reloads, and somebody else being faster.
import { useId, useRef, useState, type ReactNode } from "react";
import { LuCircleCheck } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { cx } from "@/components/ui/classes";
import { ProblemNote } from "@/components/ui/Panels";
import { StateMark } from "@/components/ui/State";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useDecision, useDecisionActions } from "@/lib/api/resources/decisions";
import { useTools } from "@/lib/api/resources/workspace";
import type { Decision } from "@/lib/api/types";
import { keepText, keptText } from "@/lib/kept/kept-text";
import { useSession } from "@/lib/session/SessionProvider";
import type { Asked } from "./asked";
import { decidedWords, isMine } from "./decision-words";
import { OutcomeForm } from "./OutcomeForm";
import { QuestionForm } from "./QuestionForm";

type Props = {
  asked: Asked;
  /** False once the run has gone on: then the card is only there for whoever still has something to read on it. */
  open: boolean;
  waiting?: string; aside?: ReactNode; foot?: ReactNode;
  /** After this person decided, or put the card away (null): whoever shows it says where the focus goes. */
  onDone?: (resolution: string | null) => void;
};

/** Finds cards that wait, for whoever moves the focus from one to the next. */
export const OPEN_CARD = '[data-decision="open"]';
const FINAL = new Set(["already_resolved", "decision_expired"]);

export function DecisionCard({ asked, open, waiting = "Waiting for you", aside, foot, onDone }: Props) {
  const { me, can } = useSession();
  const { resolve, reread } = useDecisionActions();
  const tools = useTools();
  const title = useId();
  const box = useRef<HTMLElement>(null);
  const place = `decision.${asked.id}`;
  const [text, setText] = useState(() => keptText(place));
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [refused, setRefused] = useState<Decision | null>(null);
  const row = useDecision(open || text ? asked.id : null);
  const write = (value: string) => { setText(value); keepText(place, value); };
  const done = (resolution: string | null) => { write(""); onDone?.(resolution); };

  const decide = async (resolution: string, result?: string) => {
    if (busy !== null) return;
    setBusy(`${resolution} ${result ?? ""}`);
    setProblem(null);
    try {
      await resolve(asked.id, resolution, result);
      done(resolution);
    } catch (error) {
      const failure = toProblem(error);
      const now = FINAL.has(failure.code) ? await reread(asked.id).catch(() => null) : null;
      if (now && isMine(now, me?.id, resolution, result)) done(resolution);
      else {
        if (now) setRefused(now); else setProblem(failure);
        box.current?.focus();
      }
    } finally { setBusy(null); }
  };

  const decided = refused ?? (row.value && row.value.status !== "open" ? row.value : null);
  // Somebody else was faster: what was chosen or typed here is told, and kept to be copied.
  const overtaken = refused !== null || (busy === null && text.trim() !== "" && (decided !== null || !open));
  if (!open && !overtaken) return null;
  const frame = "enter rounded-card border bg-raised px-4 py-3";
  if (decided || !open) {
    return (
      <section ref={box} tabIndex={-1} aria-labelledby={title} data-decision="decided" className={cx(frame, "flex flex-col gap-2 border-border-strong")}>
        <p className="text-small text-muted [overflow-wrap:anywhere]">{asked.prompt}</p>
        <p id={title} role={overtaken ? "alert" : undefined} className="flex items-start gap-2 text-body [overflow-wrap:anywhere]">
          <LuCircleCheck size={16} className="mt-0.5 shrink-0 text-muted" aria-hidden />
          <span>{decided ? decidedWords(decided, me?.id) : "This was decided."}{overtaken ? " What you chose here was not used." : decided?.status === "resolved" ? " It goes on in a moment." : ""}</span>
        </p>
        {overtaken && text ? <p className="rounded-control border border-border bg-surface px-3 py-2 text-small whitespace-pre-wrap [overflow-wrap:anywhere]"><span className="text-muted">You had written: </span>{text}</p> : null}
        {overtaken ? (
          <div className="-ml-2 flex flex-wrap gap-1">
            <Button size="small" look="quiet" onClick={() => { setRefused(null); done(null); }}>Put away</Button>
            {text ? <CopyButton words label="Copy what you wrote" text={text} /> : null}
          </div>
        ) : null}
        {foot}
      </section>
    );
  }
  const tool = tools.items?.find((one) => one.name === asked.tool)?.title || asked.tool?.replaceAll("_", " ") || "the tool";
  const unknown = asked.kind === "unknown_outcome";
  const shared = { text, onText: write, onDecide: (resolution: string, result?: string) => void decide(resolution, result), busy, error: problem?.field("result") };
  return (
    <section ref={box} tabIndex={-1} aria-labelledby={title} data-decision="open" className={cx(frame, "flex flex-col gap-3 border-waiting")}>
      <div className="flex min-h-6 flex-wrap items-center justify-between gap-x-3"><StateMark state="waiting" word={waiting} className="text-small font-medium" />{aside}</div>
      <div className="flex flex-col gap-1">
        <h2 id={title} className="text-chat font-medium whitespace-pre-wrap [overflow-wrap:anywhere]">{unknown ? `Did “${tool}” take effect?` : asked.prompt}</h2>
        {unknown ? <p className="text-small [overflow-wrap:anywhere]">{asked.prompt}</p> : null}
      </div>
      {!can("decision.resolve") ? <p className="text-small text-muted">You may look at this, but not decide it. An owner or admin of this workspace can give you the right.</p>
        : unknown ? <OutcomeForm {...shared} args={asked.arguments} tool={asked.tool ?? ""} />
        : asked.kind === "question" ? <QuestionForm {...shared} options={asked.options} />
        : <p className="text-small text-muted">This page is older than the server and does not know how to ask you this. Load it again.</p>}
      {problem && !problem.field("result") ? <ProblemNote problem={problem} title="Not decided." /> : null}
      {foot}
    </section>
  );
}
