"use client";
import { useState } from "react";
import { LuChevronRight } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { CopyButton } from "@/components/ui/CopyButton";
import { duration, plural } from "@/lib/format/format";
import type { LoggedEvent } from "@/lib/stream/run-state";

const PAGE = 200;

/** The journal as it was written. */
export function EventList({ log }: { log: LoggedEvent[] }) {
  const [shown, setShown] = useState(PAGE);
  const [open, setOpen] = useState<number | null>(null);
  const start = log[0] ? Date.parse(log[0].at) : 0;
  return (
    <div className="relative min-h-0 flex-1 overflow-y-auto">
      <div className="flex h-10 items-center justify-between border-b border-border px-6 text-small text-muted max-md:px-4"><span>{plural(log.length, "event")}</span><CopyButton words label="Copy as JSON" text={() => JSON.stringify(log, null, 2)} /></div>
      <ol aria-label="Events">
        {log.slice(0, shown).map((row) => (
          <li key={row.seq} className="border-b border-border">
            <button type="button" aria-expanded={open === row.seq} onClick={() => setOpen(open === row.seq ? null : row.seq)} className="flex min-h-8 w-full items-center gap-3 px-6 text-left text-small outline-offset-[-2px] hover:bg-surface max-md:min-h-10 max-md:px-4">
              <LuChevronRight size={16} className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open === row.seq && "rotate-90")} aria-hidden />
              <span className="tabular w-8 shrink-0 text-right text-muted">{row.seq}</span>
              <span className="tabular w-16 shrink-0 text-right text-muted">{duration(Date.parse(row.at) - start)}</span>
              <span className={cx("shrink-0 font-mono text-meta", row.event.type.endsWith("failed") && "text-failed")}>{row.event.type}</span>
              <span className="min-w-0 flex-1 truncate font-mono text-meta text-muted max-md:hidden">{JSON.stringify({ ...row.event, type: undefined })}</span>
            </button>
            {open === row.seq ? <pre tabIndex={0} aria-label={`Event ${row.seq}`} className="overflow-x-auto border-t border-border bg-surface px-6 py-3 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere] max-md:px-4">{JSON.stringify(row, null, 2)}</pre> : null}
          </li>
        ))}
      </ol>
      {log.length > shown ? <div className="flex justify-center p-2"><Button size="small" look="quiet" onClick={() => setShown(shown + PAGE)}>Show more</Button></div> : null}
    </div>
  );
}
