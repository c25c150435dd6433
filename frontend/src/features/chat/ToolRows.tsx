"use client";
import { memo, useState } from "react";
import { LuChevronRight, LuCircleX, LuMessageCircleQuestion, LuWrench } from "react-icons/lu";
import { CopyButton } from "@/components/ui/CopyButton";
import { cx } from "@/components/ui/classes";
import { StateMark, type StateName } from "@/components/ui/State";
import { useTools } from "@/lib/api/resources/workspace";
import { between, duration } from "@/lib/format/format";
import type { CallView } from "./turns";

const states: Record<CallView["state"], { state: StateName; word: string }> = {
  requested: { state: "queued", word: "asked for" }, running: { state: "running", word: "running" }, ok: { state: "succeeded", word: "done" },
  error: { state: "failed", word: "failed" }, denied: { state: "failed", word: "denied" }, cancelled: { state: "cancelled", word: "not run" },
  unknown: { state: "unknown", word: "outcome unknown" },
};

/** The tool through which agents ask people: its row reads as a question and its answer. */
const ASK_TOOL = "ask_person";
const askedWords: Partial<Record<CallView["state"], string>> = { ok: "answered", denied: "not answered", cancelled: "not answered" };

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "");

/** The arguments in a few words, for the closed row. */
function gist(value: unknown): string {
  if (value === null || typeof value !== "object") return value === undefined ? "" : String(value);
  return Object.values(value as Record<string, unknown>).map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(", ").slice(0, 120);
}

function Row({ call }: { call: CallView }) {
  const [open, setOpen] = useState(false);
  const { items } = useTools();
  const title = items?.find((tool) => tool.name === call.name)?.title || call.name.replaceAll("_", " ");
  const ms = between(call.startedAt, call.completedAt);
  const asks = call.name === ASK_TOOL;
  const question = asks ? (call.arguments as { question?: unknown } | null)?.question : undefined;
  const { state, word } = states[call.state];
  return (
    <div className="border-b border-border last:border-b-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-10 w-full items-center gap-2 px-3 py-1.5 text-left text-small outline-offset-[-2px] hover:bg-hover">
        <LuChevronRight size={16} className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open && "rotate-90")} aria-hidden />
        {call.state === "error" ? <LuCircleX size={16} className="shrink-0 text-failed" aria-hidden /> : asks ? <LuMessageCircleQuestion size={16} className="shrink-0 text-muted" aria-hidden /> : <LuWrench size={16} className="shrink-0 text-muted" aria-hidden />}
        {typeof question === "string" ? (
          <span className="min-w-0 flex-1 truncate"><span className="text-muted">{question}</span>{call.state === "ok" && typeof call.result === "string" ? <span className="font-medium"> {call.result}</span> : null}</span>
        ) : (
          <>
            <span className="shrink-0 font-medium">{title}</span>
            <span className="min-w-0 flex-1 truncate text-muted">{gist(call.arguments)}</span>
          </>
        )}
        <StateMark state={asks && call.state === "denied" ? "cancelled" : state} word={(asks && askedWords[call.state]) || word} className="shrink-0" />
        {ms !== null && !asks ? <span className="tabular w-14 shrink-0 text-right text-muted max-md:hidden">{duration(ms)}</span> : null}
      </button>
      {open ? (
        <div className="flex flex-col gap-3 border-t border-border px-3 py-3">
          <Value label="Arguments" value={call.arguments} />
          {call.state === "unknown" ? <p className="text-small text-unknown">It started, and nobody knows whether it finished. It was not run again.</p> : null}
          {call.result === null || call.result === undefined ? null : <Value label="Result" value={call.result} />}
          <p className="text-meta text-muted">Tool: <code className="font-mono">{call.name}</code></p>
        </div>
      ) : null}
    </div>
  );
}

function Value({ label, value }: { label: string; value: unknown }) {
  const text = shown(value);
  return (
    <div>
      <div className="flex h-7 items-center justify-between"><span className="text-meta text-muted">{label}</span><CopyButton text={text} label={`Copy ${label.toLowerCase()}`} /></div>
      <pre tabIndex={0} aria-label={label} className="max-h-72 overflow-auto rounded-control border border-border bg-bg p-2.5 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</pre>
    </div>
  );
}

function ToolRowsView({ calls }: { calls: CallView[] }) {
  return <div className="my-1 overflow-hidden rounded-card border border-border bg-surface">{calls.map((call) => <Row key={call.call} call={call} />)}</div>;
}

export const ToolRows = memo(ToolRowsView, (a, b) => JSON.stringify(a.calls) === JSON.stringify(b.calls));
