"use client";
// How a turn stands, said in words, wherever the text alone would mislead.
import type { ReactNode } from "react";
import { LuBan, LuRotateCw, LuScissors, LuTriangleAlert } from "react-icons/lu";
import { Button, ButtonLink } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { StateMark } from "@/components/ui/State";
import { adviceBeside, failureWords } from "@/lib/format/failure-words";
import type { Turn } from "./turns";

function Line({ icon: Icon, children }: { icon: typeof LuBan; children: ReactNode }) {
  return <p className="flex items-center gap-1.5 text-small text-muted"><Icon size={16} className="shrink-0" aria-hidden />{children}</p>;
}

export function Restarted({ turn }: { turn: Turn }) {
  if (!turn.resumed || turn.attempt < 2) return null;
  return <Line icon={LuRotateCw}>Continued after a restart (attempt {turn.attempt})</Line>;
}

function Failure({ turn, onAgain }: { turn: Turn; onAgain?: (text: string) => void }) {
  const code = turn.error?.code ?? "internal_error";
  const { title } = failureWords(code);
  const partial = turn.parts.some((part) => part.kind === "text");
  const next = [adviceBeside(code, turn.error?.detail), partial ? "The text above is cut off." : ""].filter(Boolean).join(" ");
  const question = turn.question;
  return (
    <div role="alert" className="rounded-card border border-failed bg-surface px-4 py-3">
      <p className="flex items-start gap-2 text-body font-medium"><LuTriangleAlert size={16} className="mt-0.5 shrink-0 text-failed" aria-hidden />{title}</p>
      {turn.error?.detail ? <p className="mt-1 text-small [overflow-wrap:anywhere]">{turn.error.detail}</p> : null}
      {next ? <p className="mt-1 text-small">{next}</p> : null}
      <div className="mt-2 flex flex-wrap gap-1">
        {question && onAgain ? <Button size="small" onClick={() => onAgain(question)}>Send again</Button> : null}
        {code.startsWith("provider_auth") ? <ButtonLink href="/providers/" size="small" look="quiet">Open models</ButtonLink> : null}
        <CopyButton words label="Copy run id" text={turn.run} />
      </div>
    </div>
  );
}

export function RunOutcome({ turn, ahead, onAgain }: { turn: Turn; ahead: boolean; onAgain?: (text: string) => void }) {
  const hasText = turn.parts.some((part) => part.kind === "text");
  if (turn.sending) return <StateMark state="queued" word="Sending" className="text-small" />;
  switch (turn.status) {
    case "queued":
      return <StateMark state="queued" word={!turn.loaded ? "Sent" : ahead ? "Queued: it starts when the answer above is done" : "Queued: it starts in a moment"} className="text-small whitespace-normal!" />;
    case "waiting":
      return <StateMark state="waiting" className="text-small" />;
    case "running":
      return turn.parts.some((part) => part.kind !== "calls" && part.open) || turn.parts.some((part) => part.kind === "calls" && part.calls.some((call) => call.state === "running"))
        ? null : <p className="caret text-small text-muted">Working</p>;
    case "failed":
      return <Failure turn={turn} onAgain={onAgain} />;
    case "cancelled":
      return <Line icon={LuBan}>{hasText ? "Stopped. The text up to here is kept." : "Stopped before the first word."}</Line>;
    case "succeeded":
      if (turn.finish === "length") return <Line icon={LuScissors}>The model reached its length limit: the text ends early.</Line>;
      if (turn.finish === "refused") return <Line icon={LuBan}>The model declined to answer.</Line>;
      return hasText ? null : <Line icon={LuBan}>The agent finished without writing an answer.</Line>;
  }
}
