"use client";
// All that waits for a person, newest first, each to be decided on the spot.
import Link from "next/link";
import { useRef, useState } from "react";
import { LuInbox } from "react-icons/lu";
import { askedOf } from "@/components/decisions/asked";
import { DecisionCard, OPEN_CARD } from "@/components/decisions/DecisionCard";
import { waitingWords } from "@/components/decisions/decision-words";
import { Button, ButtonLink } from "@/components/ui/Button";
import { Empty, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { useOpenDecisions } from "@/lib/api/resources/decisions";
import type { Decision } from "@/lib/api/types";
import { useSession } from "@/lib/session/SessionProvider";

export function OpenDecisions() {
  const { workspace } = useSession();
  return <Cards key={workspace?.id} />;
}

/** Newest first; those that were open a moment ago stay, for cards that still have something to say. */
export function withClosed(seen: Decision[], open: Decision[]): Decision[] {
  const known = new Set(open.map((one) => one.id));
  return [...open, ...seen.filter((one) => !known.has(one.id))].sort((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id));
}

function Cards() {
  const { me } = useSession();
  const list = useOpenDecisions();
  const [seen, setSeen] = useState<Decision[]>([]);
  const box = useRef<HTMLDivElement>(null);
  const all = withClosed(seen, list.items ?? []);
  if (list.items && list.items.some((one) => !seen.some((old) => old.id === one.id))) setSeen(all);

  const next = (agent: string, resolution: string | null) => {
    if (resolution !== null) toast(resolution === "stop" ? `Stopped. ${agent} does not go on.` : `Decided. ${agent} goes on.`);
    requestAnimationFrame(() => (box.current?.querySelector<HTMLElement>(OPEN_CARD) ?? box.current)?.focus());
  };
  if (list.problem) return <ProblemPanel problem={list.problem} onRetry={list.retry} />;
  if (!list.items) return <div role="status" aria-label="Loading what waits" className="flex flex-col gap-4"><Skeleton className="h-44 rounded-card" /><Skeleton className="h-44 rounded-card" /></div>;
  return (
    <div ref={box} tabIndex={-1} role="group" aria-label="What waits" className="flex flex-col gap-4 outline-none">
      <ul className="flex flex-col gap-4 empty:hidden">
        {all.map((decision) => (
          <li key={decision.id} className="empty:hidden">
            <DecisionCard
              asked={askedOf(decision)} open={list.items?.some((one) => one.id === decision.id) ?? false} waiting={waitingWords(decision.started_by, me?.id)} onDone={(resolution) => next(decision.agent.name, resolution)}
              aside={<span className="flex items-center gap-1.5 text-small text-muted"><span className="truncate">{decision.agent.name}</span><span aria-hidden>·</span><Time at={decision.created_at} /></span>}
              foot={<Links decision={decision} mine={decision.started_by.id === me?.id} />}
            />
          </li>
        ))}
      </ul>
      {list.items.length === 0 ? (
        <Empty icon={LuInbox} title="Nothing waits for you" action={<ButtonLink href="/">Go to chat</ButtonLink>}>When an agent asks you something, or somebody has to look after an interrupted step, it stands here until it is decided.</Empty>
      ) : null}
      {list.hasMore ? <div className="flex justify-center"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
    </div>
  );
}

/** To where it came from. Other people's chats are theirs: only the run is there to be seen. */
function Links({ decision, mine }: { decision: Decision; mine: boolean }) {
  const look = "rounded-small text-small font-medium text-accent underline-offset-2 hover:underline";
  return (
    <div className="flex flex-wrap gap-x-4 gap-y-1 border-t border-border pt-2.5">
      {mine ? <Link href={`/chats/${decision.conversation}/`} prefetch={false} className={look}>Open the chat</Link> : null}
      <Link href={`/runs/${decision.run}/`} prefetch={false} className={look}>Open the run</Link>
    </div>
  );
}
