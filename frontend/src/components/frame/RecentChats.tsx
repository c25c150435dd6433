"use client";
import Link from "next/link";
import { LuHourglass, LuLoaderCircle, LuPin } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { Skeleton } from "@/components/ui/Panels";
import { useConversations } from "@/lib/api/resources/conversations";
import { useWaits } from "@/lib/api/resources/decisions";
import type { Conversation } from "@/lib/api/types";
import { useRouteId } from "@/lib/route/use-route-id";
import { useSession } from "@/lib/session/SessionProvider";
import { useTopicRefresh } from "@/lib/stream/use-stream";
import { setFrame } from "./frame-state";

export function RecentChats() {
  const { workspace } = useSession();
  const { items, loading, retry } = useConversations({ limit: 30 });
  const waits = useWaits();
  const current = useRouteId("chats");
  useTopicRefresh(workspace ? `runs:${workspace.id}` : null, retry);
  const pinned = items?.filter((chat) => chat.pinned) ?? [];
  const recent = items?.filter((chat) => !chat.pinned) ?? [];
  return (
    <div className="mt-3 min-h-0 w-full flex-1 overflow-y-auto">
      {loading ? <div role="status" aria-label="Loading chats" className="flex flex-col gap-3 px-2.5 pt-2">{[80, 64, 72, 56].map((w) => <Skeleton key={w} className="h-3.5" />)}</div> : null}
      <Group label="Pinned" chats={pinned} current={current} waits={waits} />
      <Group label="Recent" chats={recent} current={current} waits={waits} />
    </div>
  );
}

function Group({ label, chats, current, waits }: { label: string; chats: Conversation[]; current: string | null; waits: (chat: Conversation) => boolean }) {
  if (!chats.length) return null;
  return (
    <section aria-label={`${label} chats`} className="mb-2">
      <h2 className="px-2.5 pb-1 pt-1 text-meta font-medium text-muted">{label}</h2>
      <ul>
        {chats.map((chat) => (
          <li key={chat.id}>
            <Link
              href={`/chats/${chat.id}/`} aria-current={chat.id === current ? "page" : undefined} onClick={() => setFrame({ sheet: false })} prefetch={false}
              className={cx("flex h-8 items-center gap-2 rounded-control px-2.5 text-small outline-offset-[-2px] max-md:h-11", chat.id === current ? "bg-hover font-medium text-text" : "text-muted hover:bg-hover hover:text-text")}
            >
              <span className="min-w-0 flex-1 truncate">{chat.title || "New chat"}</span>
              {waits(chat) ? <LuHourglass size={14} className="shrink-0 text-waiting" aria-label="Waiting for you" />
                : chat.last_run?.status === "running" ? <LuLoaderCircle size={14} className="spin shrink-0 text-running" aria-label="Running" /> : chat.pinned ? <LuPin size={14} className="shrink-0" aria-hidden /> : null}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
