import { cx } from "@/components/ui/classes";
import type { Draft } from "@/lib/api/types";
import { changesBetween, foldLines } from "./diff";

const signs = { added: "+", removed: "−", same: " " };

/** Each changed field, line by line. Signs and words say what colours say. */
export function DiffView({ before, after }: { before: Draft; after: Draft }) {
  const changes = changesBetween(before, after);
  if (!changes.length) return <p className="text-small text-muted">No difference.</p>;
  return (
    <div className="flex flex-col gap-4">
      {changes.map((change) => (
        <section key={change.field} aria-label={change.label}>
          <h3 className="mb-1 text-small font-medium">{change.label}</h3>
          <div className="overflow-hidden rounded-control border border-border font-mono text-meta leading-5">
            {foldLines(change.lines).map((line, i) => line.kind === "fold"
              ? <div key={i} className="bg-surface px-3 font-sans text-muted">{line.count === 1 ? "1 line" : `${line.count} lines`} unchanged</div>
              : <div key={i} className={cx("flex gap-2 px-3 whitespace-pre-wrap [overflow-wrap:anywhere]", line.kind === "added" && "bg-added-bg", line.kind === "removed" && "bg-removed-bg")}><span aria-label={line.kind === "same" ? undefined : line.kind} className="w-3 shrink-0 select-none text-muted">{signs[line.kind]}</span><span className="min-w-0">{line.text || " "}</span></div>)}
          </div>
        </section>
      ))}
    </div>
  );
}
