"use client";
import type { ReactNode } from "react";
import { LuRotateCw } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { StateMark } from "@/components/ui/State";
import { count, duration, money } from "@/lib/format/format";
import type { Span } from "./spans";

const shown = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? ""));

export function Block({ label, value }: { label: string; value: unknown }) {
  const text = shown(value);
  if (!text) return null;
  return (
    <section aria-label={label}>
      <div className="flex h-8 items-center justify-between"><h3 className="text-meta font-medium text-muted">{label}</h3><CopyButton text={text} label={`Copy ${label.toLowerCase()}`} /></div>
      <pre tabIndex={0} aria-label={label} className="max-h-80 overflow-auto rounded-control border border-border bg-surface p-2.5 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</pre>
    </section>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return <div className="flex justify-between gap-4 py-1 text-small"><dt className="text-muted">{label}</dt><dd className="tabular min-w-0 truncate text-right">{children}</dd></div>;
}

function Again({ step, onAgain }: { step: number; onAgain: (step: number) => void }) {
  return (
    <div className="flex flex-col items-start gap-1.5">
      <Button size="small" icon={LuRotateCw} onClick={() => onAgain(step)}>Try again from here</Button>
      <p className="text-meta text-muted">{step === 1 ? "A new run answers the same question from the beginning." : `A new run keeps what was done before step ${step} and goes on from there.`}</p>
    </div>
  );
}

/** Everything known about one bar. */
export function SpanInspector({ span, from, onAgain }: { span: Span; from: number; onAgain?: (step: number) => void }) {
  const { usage } = span;
  return (
    <div className="flex flex-col gap-3">
      <dl className="divide-y divide-border">
        <Row label="State"><StateMark state={span.state} word={span.kind === "restart" ? "Restart" : span.kind === "said" ? "Said meanwhile" : span.kind === "person" && span.state === "succeeded" ? "Decided" : undefined} /></Row>
        <Row label="Began after">{duration(span.start - from)}</Row>
        <Row label="Duration">{span.end === null ? span.state === "waiting" ? "still waiting" : "still running" : duration(span.end - span.start)}</Row>
        {span.firstToken !== null ? <Row label="First token after">{duration(span.firstToken - span.start)}</Row> : null}
        {span.model ? <Row label="Model">{span.model}</Row> : null}
        {usage ? <Row label="Tokens in">{count(usage.input_tokens)}{usage.cached_tokens ? ` (${count(usage.cached_tokens)} cached)` : ""}</Row> : null}
        {usage ? <Row label="Tokens out">{count(usage.output_tokens)}{usage.reasoning_tokens ? ` (${count(usage.reasoning_tokens)} reasoning)` : ""}</Row> : null}
        {usage ? <Row label="Cost">{money(span.cost)}</Row> : null}
        {span.call ? <Row label="Tool">{span.call.name}</Row> : null}
      </dl>
      {onAgain && span.kind === "step" && span.step !== null ? <Again step={span.step} onAgain={onAgain} /> : null}
      {span.note ? <p className="rounded-control border border-border bg-surface px-3 py-2 text-small [overflow-wrap:anywhere]">{span.note}</p> : null}
      {span.call ? <Block label="Input" value={span.call.arguments} /> : null}
      {span.call && span.call.result !== null ? <Block label="Output" value={span.call.result} /> : null}
      {span.texts.map((text) => (
        <div key={text.id} className="flex flex-col gap-2">
          <Block label="Reasoning" value={text.reasoning} />
          <Block label={text.finish && text.finish !== "stop" ? `Output, ended with ${text.finish.replaceAll("_", " ")}` : "Output"} value={text.text} />
        </div>
      ))}
      <Block label={`Raw events (${span.events.length})`} value={span.events} />
    </div>
  );
}
