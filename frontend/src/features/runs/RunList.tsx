"use client";
import Link from "next/link";
import { useState } from "react";
import { LuActivity } from "react-icons/lu";
import { waitingWords } from "@/components/decisions/decision-words";
import { Button, ButtonLink } from "@/components/ui/Button";
import { Select } from "@/components/ui/Field";
import { Card, TableBox } from "@/components/ui/Page";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { StateMark, stateWord, type StateName } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { useAgents } from "@/lib/api/resources/agents";
import { useRuns } from "@/lib/api/resources/runs";
import type { Run } from "@/lib/api/types";
import { between, compact, duration, money } from "@/lib/format/format";
import { useSession } from "@/lib/session/SessionProvider";
import { useTopicRefresh } from "@/lib/stream/use-stream";

const states: StateName[] = ["waiting", "running", "queued", "succeeded", "failed", "cancelled"];
const tokens = (run: Run) => (run.usage ? run.usage.input_tokens + run.usage.output_tokens : null);

export function RunList() {
  const { workspace, me } = useSession();
  const word = (run: Run) => (run.status === "waiting" ? waitingWords(run.started_by, me?.id) : undefined);
  const [status, setStatus] = useState("");
  const [agent, setAgent] = useState("");
  const agents = useAgents();
  const list = useRuns({ status, agent });
  useTopicRefresh(workspace ? `runs:${workspace.id}` : null, list.retry);
  const filtered = Boolean(status || agent);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap gap-3">
        <div className="w-44 max-md:flex-1"><Select label="State" hideLabel value={status} onChange={(event) => setStatus(event.target.value)}><option value="">Every state</option>{states.map((one) => <option key={one} value={one}>{stateWord(one)}</option>)}</Select></div>
        <div className="w-56 max-md:flex-1"><Select label="Agent" hideLabel value={agent} onChange={(event) => setAgent(event.target.value)}><option value="">Every agent</option>{agents.items?.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</Select></div>
      </div>
      <Card flush>
        {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
        {list.loading ? <SkeletonRows rows={8} label="Loading runs" /> : null}
        {list.items?.length === 0 ? (filtered
          ? <Empty icon={LuActivity} title="No run fits these filters" action={<Button size="small" onClick={() => { setStatus(""); setAgent(""); }}>Show every run</Button>} />
          : <Empty icon={LuActivity} title="No runs yet" action={<ButtonLink href="/" look="primary">New chat</ButtonLink>}>Each message to an agent makes one run: every step it took, what it cost and how it ended.</Empty>) : null}
        {list.items?.length ? (
          <>
            <div className="max-md:hidden">
              <TableBox label="Runs">
                <thead><tr><th scope="col">State</th><th scope="col">Agent</th><th scope="col">Started by</th><th scope="col">Model</th><th scope="col">Started</th><th scope="col" className="text-right!">Duration</th><th scope="col" className="text-right!">Tokens</th><th scope="col" className="text-right!">Cost</th></tr></thead>
                <tbody>
                  {list.items.map((run) => (
                    <tr key={run.id} className="relative hover:bg-surface">
                      <td><StateMark state={run.status} word={word(run)} /></td>
                      <td className="w-1/3 max-w-0"><Link href={`/runs/${run.id}/`} prefetch={false} className="flex gap-1.5 font-medium after:absolute after:inset-0"><span className="truncate">{run.agent.name}</span><span className="shrink-0 font-normal text-muted">{run.draft ? "draft" : run.version ? `v${run.version}` : ""}</span></Link></td>
                      <td className="max-w-48 truncate text-muted">{run.started_by ? run.started_by.name || run.started_by.email : "–"}</td>
                      <td className="max-w-44 truncate text-muted">{run.model_name ?? "–"}</td>
                      <td className="text-muted"><Time at={run.created_at} /></td>
                      <td className="tabular text-right whitespace-nowrap">{duration(between(run.started_at, run.ended_at))}</td>
                      <td className="tabular text-right">{compact(tokens(run))}</td>
                      <td className="tabular text-right whitespace-nowrap">{run.cost ? money(run.cost) : <span className="text-muted">–</span>}</td>
                    </tr>
                  ))}
                </tbody>
              </TableBox>
            </div>
            <ul className="divide-y divide-border md:hidden">
              {list.items.map((run) => (
                <li key={run.id}>
                  <Link href={`/runs/${run.id}/`} prefetch={false} className="flex min-h-16 flex-col justify-center gap-1 px-4 py-2.5 outline-offset-[-2px]">
                    <span className="flex items-center justify-between gap-3"><span className="truncate font-medium">{run.agent.name}</span><StateMark state={run.status} word={word(run)} className="text-small" /></span>
                    <span className="tabular text-small text-muted"><Time at={run.created_at} />{run.started_at && run.ended_at ? ` · ${duration(between(run.started_at, run.ended_at))}` : ""}{run.cost ? ` · ${money(run.cost)}` : ""}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </>
        ) : null}
        {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      </Card>
    </div>
  );
}
