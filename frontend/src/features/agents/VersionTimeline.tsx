"use client";
import { useState } from "react";
import { LuHistory, LuUndo2 } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { Confirm } from "@/components/ui/Dialog";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { useAgentActions, useVersions } from "@/lib/api/resources/agents";
import type { Draft, Version } from "@/lib/api/types";
import { DiffView } from "./DiffView";
import type { DraftEditor, EditorState } from "./draft-editor";

/** The published versions, newest first, each with what it changed; on top what the draft would change. */
export function VersionTimeline({ state, editor, locked }: { state: EditorState; editor: DraftEditor; locked: boolean }) {
  const { agent, values } = state;
  const versions = useVersions(agent.id);
  const actions = useAgentActions();
  const [open, setOpen] = useState<number | "draft" | null>("draft");
  const [back, setBack] = useState<Version | null>(null);
  if (versions.problem) return <ProblemPanel problem={versions.problem} onRetry={versions.retry} />;
  if (!versions.items) return <SkeletonRows rows={4} label="Loading versions" />;
  if (!versions.items.length) return <Empty icon={LuHistory} title="Nothing is published yet">Each publish makes a version that stays as it is. You can compare versions here and go back to one.</Empty>;
  const latest = versions.items[0];
  const draft: Draft = { ...agent.draft, ...values, model_name: values.model === agent.draft.model ? agent.draft.model_name : values.model };
  return (
    <div className="py-4">
      <h2 className="sr-only">Versions</h2>
      <ol className="relative flex flex-col">
        {latest && agent.changes.length > 0 ? (
          <Entry title="Draft" note={`${agent.changes.length === 1 ? "1 change" : `${agent.changes.length} changes`} since v${latest.number}`} open={open === "draft"} onToggle={() => setOpen(open === "draft" ? null : "draft")} hollow>
            <DiffView before={latest} after={draft} />
          </Entry>
        ) : null}
        {versions.items.map((version, i) => {
          const before = versions.items?.[i + 1];
          return (
            <Entry
              key={version.number} title={`v${version.number}`} live={i === 0} open={open === version.number} onToggle={() => setOpen(open === version.number ? null : version.number)}
              note={version.notes} at={version.published_at} by={version.published_by?.name || version.published_by?.email}
            >
              {before ? <DiffView before={before} after={version} /> : <p className="text-small text-muted">The first version.</p>}
              {locked ? null : <Button size="small" icon={LuUndo2} className="mt-3" onClick={() => setBack(version)}>Copy v{version.number} into the draft</Button>}
            </Entry>
          );
        })}
      </ol>
      {versions.hasMore ? <Button size="small" look="quiet" onClick={versions.loadMore} busy={versions.loadingMore}>Show older versions</Button> : null}
      <Confirm
        open={back !== null} onClose={() => setBack(null)} title={`Copy v${back?.number} into the draft?`} act="Copy into draft"
        text="The draft's present text is replaced. What is published stays as it is until you publish again."
        onConfirm={async () => {
          if (!back) return;
          await actions.restore(agent.id, back.number);
          editor.reset(await actions.reread(agent.id));
          toast(`v${back.number} is in the draft`);
        }}
      />
    </div>
  );
}

type EntryProps = { title: string; note?: string; at?: string; by?: string; live?: boolean; hollow?: boolean; open: boolean; onToggle: () => void; children: React.ReactNode };

function Entry({ title, note, at, by, live, hollow, open, onToggle, children }: EntryProps) {
  return (
    <li className="relative border-l border-border pb-4 pl-5 last:border-transparent">
      <span aria-hidden className={cx("absolute -left-[5px] top-[11px] size-[9px] rounded-full border", hollow ? "border-accent bg-bg" : live ? "border-accent bg-accent" : "border-border-strong bg-hover")} />
      <button type="button" aria-expanded={open} onClick={onToggle} className="flex min-h-8 w-full flex-wrap content-center items-baseline gap-x-2 rounded-control text-left hover:underline">
        <span className="font-semibold">{title}</span>
        {live ? <span className="text-small text-accent">published</span> : null}
        <span className="text-small text-muted">{by ? `${by} · ` : ""}{at ? <Time at={at} /> : null}{note ? `${at ? " · " : ""}${note}` : ""}</span>
      </button>
      {open ? <div className="enter mt-2">{children}</div> : null}
    </li>
  );
}
