"use client";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { Dialog } from "@/components/ui/Dialog";
import { StateMark } from "@/components/ui/State";
import type { AuditEntry } from "@/lib/api/types";
import { fullTime } from "@/lib/format/format";
import { actorWords, kindWords, type AuditFilters } from "./audit-filters";
import { outcomeOf } from "./AuditLog";

type Props = { entry: AuditEntry | null; onClose: () => void; onNarrow: (change: Partial<AuditFilters>) => void };

export function EntryDetails({ entry, onClose, onNarrow }: Props) {
  return (
    <Dialog open={entry !== null} onClose={onClose} title={entry ? kindWords(entry.kind) : ""} shape="right" description={entry ? fullTime(entry.at) : undefined}>
      {entry ? <Details entry={entry} onNarrow={onNarrow} /> : null}
    </Dialog>
  );
}

const Row = ({ label, children }: { label: string; children: ReactNode }) => <><dt className="text-muted">{label}</dt><dd className="min-w-0 [overflow-wrap:anywhere]">{children}</dd></>;
const Id = ({ id, label }: { id: string; label: string }) => <span className="flex items-start gap-1"><code className="min-w-0 font-mono text-meta leading-5">{id}</code><CopyButton text={id} label={`Copy ${label}`} className="-my-1.5" /></span>;

function Details({ entry, onNarrow }: { entry: AuditEntry; onNarrow: Props["onNarrow"] }) {
  const { word, state } = outcomeOf(entry.outcome);
  const data = Object.entries(entry.data);
  return (
    <div className="flex flex-col gap-5">
      <dl className="grid grid-cols-[88px_1fr] gap-x-3 gap-y-2 text-small">
        <Row label="Outcome"><StateMark state={state} word={word} />{entry.count > 1 ? <span className="text-muted"> {entry.count} times within a minute</span> : null}</Row>
        <Row label="Who">{actorWords(entry.actor)}{entry.actor.id ? <Id id={entry.actor.id} label="id of who acted" /> : null}</Row>
        {entry.target ? <Row label="To what">{kindWords(entry.target.type)}<Id id={entry.target.id} label="id of what it was done to" /></Row> : null}
        <Row label="From">{entry.ip ? <span className="tabular">{entry.ip}</span> : <span className="text-muted">not kept</span>}</Row>
        {entry.request_id ? <Row label="Request"><Id id={entry.request_id} label="request id" /></Row> : null}
        <Row label="Entry"><Id id={entry.id} label="id of the entry" /></Row>
      </dl>
      {data.length ? (
        <section aria-label="What was noted">
          <h3 className="mb-1.5 text-small font-medium">What was noted</h3>
          <dl className="divide-y divide-border overflow-hidden rounded-control border border-border text-small">
            {data.map(([name, value]) => <div key={name} className="grid grid-cols-[120px_1fr] gap-x-3 px-3 py-1.5"><dt className="text-muted [overflow-wrap:anywhere]">{name.replaceAll("_", " ")}</dt><dd className="min-w-0 font-mono text-meta leading-5 [overflow-wrap:anywhere]">{typeof value === "string" ? value : JSON.stringify(value)}</dd></div>)}
          </dl>
        </section>
      ) : null}
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => onNarrow({ kind: entry.kind })}>Only this kind</Button>
        {entry.actor.id ? <Button size="small" onClick={() => onNarrow({ actor: entry.actor.id ?? "" })}>Only by them</Button> : null}
        {entry.target ? <Button size="small" onClick={() => onNarrow({ target: entry.target?.id ?? "" })}>Only on this</Button> : null}
        <CopyButton text={() => JSON.stringify(entry, null, 2)} label="Copy as JSON" words />
      </div>
    </div>
  );
}
