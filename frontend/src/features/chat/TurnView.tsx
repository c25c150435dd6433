"use client";
import { memo } from "react";
import { LuCornerUpLeft } from "react-icons/lu";
import { CopyButton } from "@/components/ui/CopyButton";
import { cx } from "@/components/ui/classes";
import { useWasInterrupting } from "@/lib/api/resources/runs";
import { plural } from "@/lib/format/format";
import { AnswerMeta } from "./AnswerMeta";
import { AnswerText } from "./AnswerText";
import { Reasoning } from "./Reasoning";
import { Restarted, RunOutcome } from "./RunOutcome";
import { ToolRows } from "./ToolRows";
import type { Turn } from "./turns";

type Props = { turn: Turn; ahead: boolean; interrupted: boolean | "ask"; onAgain?: (text: string) => void };

const Interrupted = () => <p className="mt-1 flex items-center gap-1.5 text-small text-muted"><LuCornerUpLeft size={16} className="shrink-0" aria-hidden />Interrupted the answer above</p>;
const InterruptedIfSo = ({ run }: { run: string }) => (useWasInterrupting(run) ? <Interrupted /> : null);

/** One question and what came of it. */
function TurnSection({ turn, ahead, interrupted, onAgain }: Props) {
  const answer = turn.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n\n");
  return (
    <section aria-label={turn.question ? `Question: ${turn.question.slice(0, 60)}` : "Answer"} className="group flex flex-col gap-4 py-4">
      {turn.question !== null ? (
        <div className={cx("flex max-w-[80%] flex-col items-end self-end max-md:max-w-[88%]", turn.sending && "opacity-70")}>
          <div className="rounded-card bg-surface px-4 py-2.5 text-chat whitespace-pre-wrap [overflow-wrap:anywhere] border border-border">{turn.question}</div>
          {interrupted === "ask" ? <InterruptedIfSo run={turn.run} /> : interrupted ? <Interrupted /> : null}
        </div>
      ) : null}
      <div className="flex min-w-0 flex-col gap-2">
        <AnswerMeta turn={turn} />
        <Restarted turn={turn} />
        {turn.compacted ? <p className="text-small text-muted">{plural(turn.compacted, "older message")} summed up to fit the model</p> : null}
        {turn.parts.map((part) => part.kind === "text" ? <AnswerText key={part.id} text={part.text} open={part.open} />
          : part.kind === "reasoning" ? <Reasoning key={part.id} text={part.text} open={part.open} ms={part.ms} />
          : <ToolRows key={part.id} calls={part.calls} />)}
        <RunOutcome turn={turn} ahead={ahead} onAgain={onAgain} />
        {!turn.live && answer ? (
          <div className="-ml-2 flex h-8 items-center opacity-0 transition-opacity duration-[120ms] group-hover:opacity-100 group-last:opacity-100 focus-within:opacity-100 max-md:opacity-100">
            <CopyButton text={answer} label="Copy answer" />
          </div>
        ) : null}
      </div>
    </section>
  );
}

export const TurnView = memo(TurnSection);
