"use client";
import { useDeferredValue, useState } from "react";
import { LuDownload, LuScrollText } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { Select, TextInput } from "@/components/ui/Field";
import { Menu, MenuItem } from "@/components/ui/Menu";
import { Card, TableBox } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { StateMark, type StateName } from "@/components/ui/State";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useAudit, useAuditExport, useAuditKinds } from "@/lib/api/resources/audit";
import { useMembers } from "@/lib/api/resources/people";
import type { AuditEntry } from "@/lib/api/types";
import { saveFile } from "@/lib/files/save-file";
import { fullTime, when } from "@/lib/format/format";
import { useSession } from "@/lib/session/SessionProvider";
import { actorWords, asQuery, isNarrowed, kindWords, noFilters, type AuditFilters } from "./audit-filters";
import { ChainBadge } from "./ChainBadge";
import { EntryDetails } from "./EntryDetails";

const outcomes: Record<string, { word: string; state: StateName }> = { done: { word: "Done", state: "succeeded" }, denied: { word: "Refused", state: "waiting" }, failed: { word: "Failed", state: "failed" } };
export const outcomeOf = (outcome: string): { word: string; state: StateName } => outcomes[outcome] ?? { word: outcome, state: "unknown" };

export function AuditLog() {
  const [filters, setFilters] = useState<AuditFilters>(noFilters);
  const [chosen, setChosen] = useState<AuditEntry | null>(null);
  const query = asQuery(useDeferredValue(filters));
  const list = useAudit(query);
  const narrowed = isNarrowed(filters);
  const narrow = (change: Partial<AuditFilters>) => { setFilters((now) => ({ ...now, ...change })); setChosen(null); };
  return (
    <>
      <ChainBadge />
      <FilterBar filters={filters} onChange={narrow} />
      <Card flush>
        {list.problem ? (list.problem.status === 400 ? <div className="p-4"><ProblemNote problem={list.problem} /></div> : <ProblemPanel problem={list.problem} onRetry={list.retry} />) : null}
        {list.loading ? <SkeletonRows rows={8} label="Loading the audit log" /> : null}
        {list.items?.length === 0 ? (narrowed
          ? <Empty icon={LuScrollText} title="Nothing matches" action={<Button size="small" onClick={() => setFilters(noFilters)}>Clear filters</Button>} />
          : <Empty icon={LuScrollText} title="Nothing has happened yet">Sign-ins, changes and refusals are written down here.</Empty>) : null}
        {list.items?.length ? (
          <TableBox label="Audit log">
            <thead><tr><th scope="col" className="max-md:hidden">When</th><th scope="col">What</th><th scope="col" className="max-md:hidden">Who</th><th scope="col" className="max-md:hidden">To what</th><th scope="col">Outcome</th></tr></thead>
            <tbody>{list.items.map((entry) => <EntryRow key={entry.id} entry={entry} onOpen={() => setChosen(entry)} />)}</tbody>
          </TableBox>
        ) : null}
        {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      </Card>
      <EntryDetails entry={chosen} onClose={() => setChosen(null)} onNarrow={narrow} />
    </>
  );
}

function EntryRow({ entry, onOpen }: { entry: AuditEntry; onOpen: () => void }) {
  const { word, state } = outcomeOf(entry.outcome);
  return (
    <tr className="hover:bg-surface">
      <td className="tabular whitespace-nowrap text-muted max-md:hidden" title={fullTime(entry.at)}>{when(entry.at)}</td>
      <td><button type="button" onClick={onOpen} className="text-left font-medium underline-offset-4 hover:underline">{kindWords(entry.kind)}{entry.count > 1 ? <span className="tabular font-normal text-muted"> ×{entry.count}</span> : null}</button><span className="block text-muted [overflow-wrap:anywhere] md:hidden">{when(entry.at)} · {actorWords(entry.actor)}</span></td>
      <td className="max-w-64 [overflow-wrap:anywhere] max-md:hidden">{actorWords(entry.actor)}</td>
      <td className="max-md:hidden">{entry.target ? <span className="font-mono text-meta text-muted">{entry.target.id}</span> : <span className="text-muted">–</span>}</td>
      <td><StateMark state={state} word={word} /></td>
    </tr>
  );
}

function FilterBar({ filters, onChange }: { filters: AuditFilters; onChange: (change: Partial<AuditFilters>) => void }) {
  const { can } = useSession();
  const members = useMembers(can("member.view"));
  const kinds = useAuditKinds();
  return (
    <div role="search" aria-label="Audit log" className="flex flex-col gap-3">
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1"><TextInput label="Search the audit log" hideLabel type="search" placeholder="Id or kind" value={filters.q} onChange={(event) => onChange({ q: event.target.value })} /></div>
        {can("audit.export") ? <Export filters={filters} /> : null}
      </div>
      <div className="grid grid-cols-5 gap-3 max-lg:grid-cols-2">
        <Select label="What" value={filters.kind} onChange={(event) => onChange({ kind: event.target.value })}>
          <option value="">Everything</option>
          {filters.kind && !kinds.some((one) => one.kind === filters.kind) ? <option value={filters.kind}>{kindWords(filters.kind)}</option> : null}
          {kinds.map((one) => <option key={one.kind} value={one.kind} title={one.meaning}>{kindWords(one.kind)}</option>)}
        </Select>
        <Select label="Who" value={filters.actor} onChange={(event) => onChange({ actor: event.target.value })}>
          <option value="">Everybody</option>
          {members.items?.map((member) => <option key={member.user.id} value={member.user.id}>{member.user.email}</option>)}
        </Select>
        <div className="max-lg:col-span-2"><Select label="Outcome" value={filters.outcome} onChange={(event) => onChange({ outcome: event.target.value })}><option value="">Any</option><option value="done">Done</option><option value="denied">Refused</option><option value="failed">Failed</option></Select></div>
        <TextInput label="From" type="date" max={filters.to || undefined} value={filters.from} onChange={(event) => onChange({ from: event.target.value })} />
        <TextInput label="To" type="date" min={filters.from || undefined} value={filters.to} onChange={(event) => onChange({ to: event.target.value })} />
      </div>
      {filters.kind || filters.target ? (
        <p className="flex flex-wrap items-center gap-2 text-small">Only {filters.kind ? <strong className="font-medium">{kindWords(filters.kind)}</strong> : null}{filters.target ? <code className="font-mono text-meta">{filters.target}</code> : null}<Button size="small" look="quiet" onClick={() => onChange({ kind: "", target: "" })}>Show all again</Button></p>
      ) : null}
    </div>
  );
}

function Export({ filters }: { filters: AuditFilters }) {
  const download = useAuditExport();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = async (form: "jsonl" | "csv") => {
    setBusy(true);
    setProblem(null);
    try { const { blob, name } = await download(asQuery(filters), form); saveFile(blob, name); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return (
    <div className="flex items-center gap-2">
      {problem ? <span role="alert" className="text-small text-failed">{problem.detail}</span> : null}
      <Menu trigger={<Button icon={LuDownload} busy={busy} className="max-md:h-11!">Export</Button>}>
        <MenuItem onSelect={() => void go("jsonl")}>JSON lines, for programs</MenuItem>
        <MenuItem onSelect={() => void go("csv")}>CSV, for spreadsheets</MenuItem>
      </Menu>
    </div>
  );
}
