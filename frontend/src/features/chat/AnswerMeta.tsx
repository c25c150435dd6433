"use client";
import Link from "next/link";
import { useEffect, useState, type ReactNode } from "react";
import { cx } from "@/components/ui/classes";
import { between, duration, money } from "@/lib/format/format";
import type { Turn } from "./turns";

/** Counts on while something runs; only this text is drawn again. */
function Elapsed({ from }: { from: string }) {
  const [now, setNow] = useState<number | null>(null);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return <>{now === null ? "0 ms" : duration(Math.max(0, now - Date.parse(from)))}</>;
}

/** Who answered, with what, in which time, for how much. */
export function AnswerMeta({ turn }: { turn: Turn }) {
  const ms = between(turn.startedAt, turn.endedAt);
  const facts: ReactNode[] = [];
  if (turn.agent) facts.push(<Link key="agent" href={`/agents/${turn.agent.id}/`} prefetch={false} title={turn.agent.name} className="truncate font-medium text-text hover:underline">{turn.agent.name}</Link>);
  if (turn.draft) facts.push("draft"); else if (turn.version !== null) facts.push(`v${turn.version}`);
  if (turn.modelName) facts.push(<span key="model" title={turn.modelName} className="max-w-[24ch] truncate">{turn.modelName}</span>);
  if (ms !== null) facts.push(<span key="ms" className="tabular">{duration(ms)}</span>);
  else if (turn.live && turn.startedAt && turn.status === "running") facts.push(<span key="ms" className="tabular"><Elapsed from={turn.startedAt} /></span>);
  // What failed before the model had read anything cost nothing, priced or not.
  if (turn.cost || (!turn.live && turn.usage && turn.usage.input_tokens + turn.usage.output_tokens > 0)) facts.push(<span key="cost" className="tabular" title={turn.cost ? undefined : "This model has no price set"}>{money(turn.cost)}</span>);
  if (!facts.length) return null;
  return (
    <div className="flex min-h-6 items-center gap-3 text-meta text-muted">
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-1.5 md:flex-nowrap">
        {facts.map((fact, i) => <span key={i} className={cx("inline-flex max-w-full items-center gap-x-1.5", i ? "shrink-0" : "min-w-0")}>{fact}{i < facts.length - 1 ? <span aria-hidden>·</span> : null}</span>)}
      </div>
      {turn.sending ? null : <Link href={`/runs/${turn.run}/`} prefetch={false} className="-mr-1 shrink-0 rounded-small px-1 py-1 text-accent underline-offset-2 hover:underline">trace</Link>}
    </div>
  );
}
