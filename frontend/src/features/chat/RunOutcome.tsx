"use client";
// How a turn stands, said in words, wherever the text alone would mislead.
import Link from "next/link";
import type { ReactNode } from "react";
import { LuBan, LuRotateCw, LuScissors, LuStepForward, LuTriangleAlert } from "react-icons/lu";
import { Button, ButtonLink } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { StateMark } from "@/components/ui/State";
import { adviceBeside, failureWords } from "@/lib/format/failure-words";
import type { Pending, Turn } from "./turns";

function Line({ icon: Icon, children }: { icon: typeof LuBan; children: ReactNode }) {
  return <p className="flex items-center gap-1.5 text-small text-muted"><Icon size={16} className="shrink-0" aria-hidden />{children}</p>;
}

export function Restarted({ turn }: { turn: Turn }) {
  if (!turn.resumed || turn.attempt < 2) return null;
  return <Line icon={LuRotateCw}>Continued after a restart (attempt {turn.attempt})</Line>;
}

/** What can be done about an answer that has ended. `sendAgain` is a new message, with what is published by now. */
export type Acts = { tryAgain?: () => void; goOn?: () => void; sendAgain?: () => void; busy: boolean };

function Failure({ turn, acts }: { turn: Turn; acts: Acts }) {
  const code = turn.error?.code ?? "internal_error";
  const { title } = failureWords(code);
  const partial = turn.parts.some((part) => part.kind === "text");
  const next = [adviceBeside(code, turn.error?.detail), partial ? "The text above is cut off." : ""].filter(Boolean).join(" ");
  return (
    <div role="alert" className="rounded-card border border-failed bg-surface px-4 py-3">
      <p className="flex items-start gap-2 text-body font-medium"><LuTriangleAlert size={16} className="mt-0.5 shrink-0 text-failed" aria-hidden />{title}</p>
      {turn.error?.detail ? <p className="mt-1 text-small [overflow-wrap:anywhere]">{turn.error.detail}</p> : null}
      {next ? <p className="mt-1 text-small">{next}</p> : null}
      <div className="mt-2 flex flex-wrap gap-1">
        <ActButtons acts={acts} />
        {code.startsWith("provider_auth") ? <ButtonLink href="/providers/" size="small">Open models</ButtonLink> : null}
        <CopyButton words label="Copy run id" text={turn.run} />
      </div>
    </div>
  );
}

function ActButtons({ acts: { tryAgain, goOn, sendAgain, busy } }: { acts: Acts }) {
  return (
    <>
      {goOn ? <Button size="small" icon={LuStepForward} disabled={busy} onClick={goOn}>Continue</Button> : null}
      {tryAgain ? <Button size="small" icon={LuRotateCw} disabled={busy} onClick={tryAgain}>Try again</Button> : null}
      {sendAgain ? <Button size="small" disabled={busy} onClick={sendAgain}>Send again</Button> : null}
    </>
  );
}

/** That this answer takes over from another run, and from which. */
export function TookOver({ how, run }: { how: "again" | "on" | "on-earlier"; run: string }) {
  const words = { again: "Tried again", on: "Continues the answer above", "on-earlier": "Continues an earlier answer" };
  return (
    <Line icon={how === "again" ? LuRotateCw : LuStepForward}>
      {words[how]}<span aria-hidden>·</span><Link href={`/runs/${run}/`} prefetch={false} className="rounded-small text-accent underline-offset-2 hover:underline">the earlier run</Link>
    </Line>
  );
}

/** The one line for a message that the run has not read yet. */
export const pendingWords: Record<Pending, string> = {
  sending: "Sending", kept: "It reads this before its next step", late: "The answer was over first: this is asked next",
};

export function RunOutcome({ turn, ahead, acts }: { turn: Turn; ahead: boolean; acts: Acts }) {
  const hasText = turn.parts.some((part) => part.kind === "text");
  if (turn.sending) return <StateMark state="queued" word="Sending" className="text-small" />;
  switch (turn.status) {
    case "queued":
      return <StateMark state="queued" word={!turn.loaded ? "Sent" : ahead ? "Queued: it starts when the answer above is done" : "Queued: it starts in a moment"} className="text-small whitespace-normal!" />;
    case "waiting":
      return turn.parts.some((part) => part.kind === "decision" && part.open) ? null : <StateMark state="waiting" word="Waiting for you" className="text-small" />;
    case "running":
      return turn.parts.some((part) => ((part.kind === "text" || part.kind === "reasoning") && part.open) || (part.kind === "calls" && part.calls.some((call) => call.state === "running")))
        ? null : <p className="caret text-small text-muted">Working</p>;
    case "failed":
      return <Failure turn={turn} acts={acts} />;
    case "cancelled":
      return (
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
          <Line icon={LuBan}>{hasText ? "Stopped. The text up to here is kept." : "Stopped before the first word."}</Line>
          <div className="flex flex-wrap gap-1"><ActButtons acts={acts} /></div>
        </div>
      );
    case "succeeded":
      if (turn.finish === "length") return <Line icon={LuScissors}>The model reached its length limit: the text ends early.</Line>;
      if (turn.finish === "refused") return <Line icon={LuBan}>The model declined to answer.</Line>;
      return hasText ? null : <Line icon={LuBan}>The agent finished without writing an answer.</Line>;
  }
}
