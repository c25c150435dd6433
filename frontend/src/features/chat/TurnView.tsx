"use client";
import { memo } from "react";
import { LuClock, LuCornerUpLeft, LuRotateCw } from "react-icons/lu";
import { DecisionCard } from "@/components/decisions/DecisionCard";
import { IconButton } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { cx } from "@/components/ui/classes";
import { useWasInterrupting } from "@/lib/api/resources/runs";
import { plural } from "@/lib/format/format";
import { AnswerMeta } from "./AnswerMeta";
import { AnswerText } from "./AnswerText";
import { Reasoning } from "./Reasoning";
import { pendingWords, Restarted, RunOutcome, TookOver, type Acts } from "./RunOutcome";
import { ToolRows } from "./ToolRows";
import type { Pending, Turn } from "./turns";

type Props = {
  turn: Turn; ahead: boolean; interrupted: boolean | "ask"; takesOver: "again" | "on" | "on-earlier" | null;
  /** Only where the reader may: in a chat of their own. */
  onTakeOver?: (run: string, way: "again" | "on") => void; taking: boolean;
  /** Sends the same text as a new message. */
  onAgain?: (text: string) => void; onDecided?: () => void;
};

/** Where what is published by now makes the difference, the same version would only fail the same way. */
const NEEDS_NEW_VERSION = new Set(["model_gone"]);

function actsOf({ turn, onTakeOver, onAgain, taking }: Props): Acts {
  const { run, question, draft, status } = turn;
  const sendAgain = onAgain && question !== null ? () => onAgain(question) : undefined;
  // A draft changes between two tries, so trying it again is asking it again; and what failed for its version would only fail again.
  if (draft || NEEDS_NEW_VERSION.has(turn.error?.code ?? "")) return { sendAgain, busy: taking };
  if (!onTakeOver) return { busy: taking };
  return { tryAgain: () => onTakeOver(run, "again"), goOn: status === "succeeded" ? undefined : () => onTakeOver(run, "on"), busy: taking };
}

const Interrupted = () => <p className="mt-1 flex items-center gap-1.5 text-small text-muted"><LuCornerUpLeft size={16} className="shrink-0" aria-hidden />Interrupted the answer above</p>;
const InterruptedIfSo = ({ run }: { run: string }) => (useWasInterrupting(run) ? <Interrupted /> : null);

/** One question and what came of it. */
function TurnSection(props: Props) {
  const { turn, ahead, interrupted, takesOver, onDecided } = props;
  const answer = turn.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n\n");
  const acts = actsOf(props);
  return (
    <section aria-label={turn.question ? `Question: ${turn.question.slice(0, 60)}` : "Answer"} className="group flex flex-col gap-4 py-4">
      {turn.question !== null ? (
        <div className={cx("flex max-w-[80%] flex-col items-end self-end max-md:max-w-[88%]", turn.sending && "opacity-70")}>
          <Bubble text={turn.question} />
          {interrupted === "ask" ? <InterruptedIfSo run={turn.run} /> : interrupted ? <Interrupted /> : null}
        </div>
      ) : null}
      <div className="flex min-w-0 flex-col gap-2">
        {takesOver && turn.continues ? <TookOver how={takesOver} run={turn.continues.run} /> : null}
        <AnswerMeta turn={turn} />
        <Restarted turn={turn} />
        {turn.compacted ? <p className="text-small text-muted">{plural(turn.compacted, "older message")} summed up to fit the model</p> : null}
        {turn.parts.map((part) => {
          switch (part.kind) {
            case "text": return <AnswerText key={part.id} text={part.text} open={part.open} />;
            case "reasoning": return <Reasoning key={part.id} text={part.text} open={part.open} ms={part.ms} />;
            case "calls": return <ToolRows key={part.id} calls={part.calls} />;
            case "said": return <Said key={part.id} text={part.text} pending={part.pending} />;
            case "decision": return <DecisionCard key={part.id} asked={part.asked} open={part.open} onDone={onDecided} />;
          }
        })}
        <RunOutcome turn={turn} ahead={ahead} acts={acts} />
        {!turn.live && (answer || turn.status === "succeeded") ? (
          <div className="-ml-2 flex h-8 items-center opacity-0 transition-opacity duration-[120ms] group-hover:opacity-100 group-last:opacity-100 focus-within:opacity-100 max-md:opacity-100">
            {answer ? <CopyButton text={answer} label="Copy answer" /> : null}
            {turn.status === "succeeded" && acts.tryAgain ? <IconButton icon={LuRotateCw} label="Try again" disabled={acts.busy} onClick={acts.tryAgain} /> : null}
          </div>
        ) : null}
      </div>
    </section>
  );
}

const Bubble = ({ text }: { text: string }) => <div dir="auto" className="rounded-card bg-surface px-4 py-2.5 text-chat whitespace-pre-wrap [overflow-wrap:anywhere] border border-border">{text}</div>;

/** What the person said while the answer was being made, in its place. */
function Said({ text, pending }: { text: string; pending: Pending | null }) {
  return (
    <div role="group" aria-label="You said meanwhile" className={cx("my-2 flex max-w-[80%] flex-col items-end self-end max-md:max-w-[88%]", pending === "sending" && "opacity-70")}>
      <Bubble text={text} />
      {pending ? <p className="mt-1 flex items-center gap-1.5 text-small text-muted"><LuClock size={16} className="shrink-0" aria-hidden />{pendingWords[pending]}</p> : null}
    </div>
  );
}

export const TurnView = memo(TurnSection);
