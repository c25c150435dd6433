"use client";
import Link from "next/link";
import type { ReactNode } from "react";
import { waitingWords } from "@/components/decisions/decision-words";
import { CopyButton } from "@/components/ui/CopyButton";
import { StateMark } from "@/components/ui/State";
import type { Run } from "@/lib/api/types";
import { adviceBeside, failureWords, stopReason } from "@/lib/format/failure-words";
import { between, count, duration, fullTime, money } from "@/lib/format/format";
import { useSession } from "@/lib/session/SessionProvider";
import type { RunState } from "@/lib/stream/run-state";

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return <div className="min-w-0 md:max-w-80"><dt className="text-meta text-muted">{label}</dt><dd className="tabular text-small [overflow-wrap:anywhere]">{children}</dd></div>;
}

/** What happened, in one strip: state, who, how long, how much, why it ended. */
export function RunFacts({ record, state, now }: { record: Run | undefined; state: RunState; now: number }) {
  const status = state.loaded ? state.status : record?.status;
  const started = state.startedAt ?? record?.started_at ?? null;
  const ended = state.endedAt ?? record?.ended_at ?? null;
  const usage = state.usage ?? record?.usage ?? null;
  const agent = record?.agent ?? state.agent;
  const draft = record?.draft ?? state.draft;
  const version = record?.version ?? state.version;
  const error = state.error ?? record?.error ?? null;
  const chat = record?.conversation ?? state.conversation;
  const continues = record?.continues ?? state.continues;
  const { me } = useSession();
  // The state says it when a run came to its end, and the box below when it failed.
  const reason = status && ended ? (record?.stop_reason ?? error?.code ?? (status === "cancelled" ? "cancelled" : null)) : null;
  const cost = state.cost ?? record?.cost;
  const attempts = Math.max(state.attempt, record?.attempts ?? 1);
  return (
    <div className="border-b border-border px-6 py-4 max-md:px-4">
      <dl className="flex flex-wrap gap-x-7 gap-y-3 max-md:grid max-md:grid-cols-2 max-md:gap-x-6">
        <Fact label="State">{status ? <StateMark state={status} word={status === "waiting" ? waitingWords(record?.started_by, me?.id) : undefined} /> : "–"}</Fact>
        <Fact label="Agent">{agent ? <Link href={`/agents/${agent.id}/`} prefetch={false} className="text-accent hover:underline">{agent.name}{draft ? " (draft)" : version ? ` v${version}` : ""}</Link> : "–"}</Fact>
        <Fact label="Started by">{record?.started_by ? record.started_by.name || record.started_by.email : "–"}</Fact>
        <Fact label="Started"><span title={started ? fullTime(started) : undefined}>{started ? fullTime(started) : "–"}</span></Fact>
        <Fact label="Duration">{duration(started ? (between(started, ended) ?? Math.max(0, now - Date.parse(started))) : null)}{attempts > 1 ? `, ${attempts} attempts` : ""}</Fact>
        <Fact label="Tokens">{usage ? `${count(usage.input_tokens)} in, ${count(usage.output_tokens)} out` : "–"}</Fact>
        <Fact label="Cost">{cost || (usage && usage.input_tokens + usage.output_tokens > 0) ? money(cost) : "–"}</Fact>
        {reason && reason !== "completed" && reason !== error?.code ? <Fact label="Stopped because">{stopReason(reason)}</Fact> : null}
        {continues ? <Fact label={continues.seq <= 1 ? "Tries again" : "Goes on from"}><Link href={`/runs/${continues.run}/`} prefetch={false} className="text-accent hover:underline">an earlier run</Link>{continues.seq > 1 ? `, after its event ${continues.seq}` : ""}</Fact> : null}
      </dl>
      {error ? (
        <div className="mt-3 rounded-control border border-failed bg-surface px-3 py-2 text-small [overflow-wrap:anywhere]">
          <strong className="font-medium">{failureWords(error.code).title}.</strong> {error.detail} {adviceBeside(error.code, error.detail)}
        </div>
      ) : null}
      <div className="-ml-2.5 mt-2 flex flex-wrap items-center gap-1">
        <CopyButton words label="Copy run id" text={state.run} />
        {record?.request_id ?? state.requestId ? <CopyButton words label="Copy request id" text={record?.request_id ?? state.requestId ?? ""} /> : null}
        {chat && !draft ? <Link href={`/chats/${chat}/`} prefetch={false} className="rounded-control px-2.5 py-1.5 text-small font-medium text-accent hover:underline">Open the chat</Link> : null}
      </div>
    </div>
  );
}
