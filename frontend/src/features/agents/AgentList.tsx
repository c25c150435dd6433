"use client";
import Link from "next/link";
import { useDeferredValue, useState } from "react";
import { LuBot } from "react-icons/lu";
import { Button, ButtonLink } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { useAgents } from "@/lib/api/resources/agents";
import { useSession } from "@/lib/session/SessionProvider";

export function AgentList() {
  const [search, setSearch] = useState("");
  const list = useAgents(useDeferredValue(search.trim()));
  const { can } = useSession();
  return (
    <div className="flex flex-col gap-4">
      <TextInput label="Search agents" hideLabel type="search" placeholder="Search agents" value={search} onChange={(event) => setSearch(event.target.value)} />
      <Card flush>
        {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
        {list.loading ? <SkeletonRows label="Loading agents" /> : null}
        {list.items?.length === 0 ? (search
          ? <Empty icon={LuBot} title={`No agent matches “${search}”`} action={<Button size="small" onClick={() => setSearch("")}>Clear search</Button>} />
          : <Empty icon={LuBot} title="No agents yet" action={can("agent.create") ? <ButtonLink href="/agents/new/">Make an agent</ButtonLink> : null}>An agent is a model with instructions and tools, for example “Answers questions about our handbook”.</Empty>) : null}
        <ul className="divide-y divide-border">
          {list.items?.map((agent) => (
            <li key={agent.id}>
              <Link href={`/agents/${agent.id}/`} prefetch={false} className="flex min-h-14 items-center gap-4 px-4 py-2.5 outline-offset-[-2px] hover:bg-surface">
                <span className="flex size-9 shrink-0 items-center justify-center rounded-control border border-border bg-surface text-muted"><LuBot size={16} aria-hidden /></span>
                <span className="min-w-0 flex-1"><span className="block truncate font-medium">{agent.name}</span><span className="block truncate text-small text-muted">{agent.published && agent.changes.length ? <span className="md:hidden">Draft changed · </span> : null}{agent.description || agent.draft.instructions || "No description"}</span></span>
                <span className="flex shrink-0 flex-col items-end gap-1">
                  <span className="flex items-center gap-1.5">{agent.published ? <Tag tone="accent">v{agent.published.number}</Tag> : <Tag>not published</Tag>}{agent.published && agent.changes.length ? <span className="flex max-md:hidden"><Tag>draft changed</Tag></span> : null}</span>
                  <span className="text-meta text-muted max-md:hidden">{agent.draft.model_name ?? "no model"} · <Time at={agent.updated_at} /></span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
        {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      </Card>
    </div>
  );
}
