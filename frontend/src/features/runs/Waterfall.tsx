"use client";
import type { ReactNode } from "react";
import type { IconType } from "react-icons";
import { LuBrain, LuCircleX, LuClock, LuFootprints, LuHourglass, LuMessageSquare, LuRotateCw, LuWrench } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { stateWord } from "@/components/ui/State";
import { duration } from "@/lib/format/format";
import { ticks, type Span, type SpanKind } from "./spans";

const icons: Record<SpanKind, IconType> = { wait: LuClock, person: LuHourglass, said: LuMessageSquare, step: LuFootprints, model: LuBrain, tool: LuWrench, restart: LuRotateCw, end: LuCircleX };
const colours: Record<SpanKind, string> = { wait: "bg-border-strong", person: "bg-waiting", said: "bg-accent", step: "bg-border-strong", model: "bg-accent", tool: "bg-running", restart: "bg-unknown", end: "bg-failed" };

type Props = { spans: Span[]; from: number; to: number; chosen: string | null; onChoose: (id: string) => void; onAgain?: (step: number) => void; head?: ReactNode };

export function Waterfall({ spans, from, to, chosen, onChoose, onAgain, head }: Props) {
  const length = to - from;
  const part = (ms: number) => `${Math.min(100, Math.max(0, ((ms - from) / length) * 100))}%`;
  const marks = ticks(length);
  return (
    <div className="relative min-h-0 flex-1 overflow-y-auto">
      {head}
      <div className="sticky top-0 z-10 flex h-8 items-center border-b border-border bg-bg text-meta text-muted" aria-hidden>
        <div className="w-[248px] shrink-0 px-6 max-md:w-[44%] max-md:px-4">{spans.length} {spans.length === 1 ? "row" : "rows"}</div>
        <div className="relative h-full min-w-0 flex-1 overflow-hidden pr-20">
          <div className="relative h-full">{marks.map((at, i) => <span key={at} className={cx("tabular absolute top-2 border-l border-border pl-1 leading-none whitespace-nowrap", i % 2 === 1 && "max-md:hidden")} style={{ left: `${(at / length) * 100}%` }}>{duration(at)}</span>)}</div>
        </div>
      </div>
      <ul aria-label="What the run did">
        {spans.map((span) => {
          const Icon = icons[span.kind];
          const end = span.end ?? to;
          const bad = span.state === "failed";
          return (
            <li key={span.id} className="group relative">
              <button
                type="button" id={`span-${span.id}`} aria-pressed={chosen === span.id} onClick={() => onChoose(span.id)}
                className={cx("flex h-8 w-full items-center border-b border-border text-left text-small outline-offset-[-2px] max-md:h-10", chosen === span.id ? "bg-accent-soft" : "hover:bg-surface")}
              >
                <span className={cx("flex w-[248px] shrink-0 items-center gap-2 pr-3 max-md:w-[44%]", span.depth ? "pl-10 max-md:pl-7" : "pl-6 font-medium max-md:pl-4")}>
                  <Icon size={16} className={cx("shrink-0", bad ? "text-failed" : span.kind === "restart" ? "text-unknown" : "text-muted")} aria-hidden />
                  <span className="truncate">{span.label}</span><span className="sr-only">, {stateWord(span.state)}, began after {duration(span.start - from)}, took</span>
                  {bad ? <LuCircleX size={16} className="shrink-0 text-failed" aria-hidden /> : null}
                </span>
                <span className="relative block h-full min-w-0 flex-1 pr-20">
                  <span className="relative block h-full">
                    <span
                      className={cx("absolute top-1/2 -translate-y-1/2 rounded-[2px]", span.kind === "step" ? "h-1" : "h-3", bad && span.kind !== "step" ? "bg-failed" : span.state === "unknown" ? "bg-unknown" : span.state === "waiting" ? "bg-waiting" : span.state === "cancelled" ? "bg-cancelled" : colours[span.kind])}
                      style={{ left: part(span.start), width: `max(3px, calc(${part(end)} - ${part(span.start)}))` }}
                    />
                    {span.firstToken !== null && span.firstToken <= end ? <span title={`First token after ${duration(span.firstToken - span.start)}`} className="absolute top-1/2 h-5 w-0.5 -translate-y-1/2 bg-text" style={{ left: part(span.firstToken) }} /> : null}
                    <span className="tabular absolute top-1/2 -translate-y-1/2 pl-2 text-meta whitespace-nowrap text-muted" style={{ left: part(end) }}>{span.kind === "restart" || span.kind === "end" || span.kind === "said" ? "" : duration(end - span.start)}</span>
                  </span>
                </span>
              </button>
              {onAgain && span.kind === "step" && span.step !== null ? <AgainHere step={span.step} onAgain={onAgain} /> : null}
            </li>
          );
        })}
      </ul>
      <p className="px-6 py-3 text-meta text-muted max-md:hidden">The thin line in a model call marks its first token. J and K walk, E goes to the first error.</p>
    </div>
  );
}

/** On a wide screen at the end of the row, when somebody reaches for it; on a phone the inspector offers it. */
function AgainHere({ step, onAgain }: { step: number; onAgain: (step: number) => void }) {
  return (
    <Button
      size="small" icon={LuRotateCw} onClick={() => onAgain(step)} aria-label={`Try again from here, step ${step}`}
      className="absolute right-2 top-0.5 h-7! opacity-0 group-hover:opacity-100 focus-visible:opacity-100 max-md:hidden"
    >
      Try again from here
    </Button>
  );
}
