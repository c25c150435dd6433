"use client";
import Link from "next/link";
import { useDeferredValue, useState } from "react";
import { LuMessageSquare, LuPin } from "react-icons/lu";
import { Button, ButtonLink } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { StateMark } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { useConversations } from "@/lib/api/resources/conversations";
import { useWaits } from "@/lib/api/resources/decisions";
import type { Conversation } from "@/lib/api/types";
import { useSession } from "@/lib/session/SessionProvider";
import { useTopicRefresh } from "@/lib/stream/use-stream";
import { ConversationMenu } from "./ConversationMenu";

/** What a chat's name does not say: that it waits, or that its last answer is not there. */
function Standing({ chat, waits, className }: { chat: Conversation; waits: boolean; className: string }) {
  if (waits) return <StateMark state="waiting" word="Waiting for you" className={className} />;
  return chat.last_run && chat.last_run.status !== "succeeded" ? <StateMark state={chat.last_run.status} className={className} /> : null;
}

export function ConversationList() {
  const { workspace } = useSession();
  const [search, setSearch] = useState("");
  const [archived, setArchived] = useState(false);
  const list = useConversations({ search: useDeferredValue(search.trim()), archived: archived || undefined });
  const waits = useWaits();
  useTopicRefresh(workspace ? `runs:${workspace.id}` : null, list.retry);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1"><TextInput label="Search chats" hideLabel type="search" placeholder="Search chats" value={search} onChange={(event) => setSearch(event.target.value)} /></div>
        <Button aria-pressed={archived} className="max-md:h-11!" onClick={() => setArchived(!archived)}>{archived ? "Show current" : "Show archived"}</Button>
      </div>
      <Card flush>
        {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
        {list.loading ? <SkeletonRows label="Loading chats" /> : null}
        {list.items?.length === 0 ? (
          search ? <Empty icon={LuMessageSquare} title={`No chat matches “${search}”`} action={<Button size="small" onClick={() => setSearch("")}>Clear search</Button>} />
            : archived ? <Empty icon={LuMessageSquare} title="No archived chats" />
            : <Empty icon={LuMessageSquare} title="Your chats are kept here" action={<ButtonLink href="/">New chat</ButtonLink>}>Ask an agent something, for example “What can you do for me?”</Empty>
        ) : null}
        <ul className="divide-y divide-border">
          {list.items?.map((chat) => (
            <li key={chat.id} className="flex min-h-14 items-center gap-2 pr-2 hover:bg-surface">
              <Link href={`/chats/${chat.id}/`} prefetch={false} className="flex min-w-0 flex-1 items-center gap-3 self-stretch px-4 py-2 outline-offset-[-2px]">
                <span className="min-w-0 flex-1">
                  <span className="flex items-center gap-1.5">{chat.pinned ? <LuPin size={14} className="shrink-0 text-muted" aria-label="Pinned" /> : null}<span className="truncate font-medium">{chat.title || "New chat"}</span></span>
                  <span className="flex items-center gap-3 text-small text-muted"><span className="truncate">{chat.agent?.name}</span><Standing chat={chat} waits={waits(chat)} className="md:hidden" /></span>
                </span>
                <Standing chat={chat} waits={waits(chat)} className="text-small max-md:hidden" />
                <Time at={chat.updated_at} className="text-small text-muted" />
              </Link>
              <ConversationMenu conversation={chat} />
            </li>
          ))}
        </ul>
        {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      </Card>
    </div>
  );
}
