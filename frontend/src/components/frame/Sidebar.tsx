"use client";
import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import type { ReactNode } from "react";
import type { IconType } from "react-icons";
import { LuActivity, LuBot, LuChartColumn, LuInbox, LuMessageSquare, LuPanelLeft, LuPlug, LuSearch, LuSquarePen } from "react-icons/lu";
import { IconButton } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { useFreshDecisions, useOpenDecisions } from "@/lib/api/resources/decisions";
import { useSession } from "@/lib/session/SessionProvider";
import { useHydrated } from "@/lib/route/use-route-id";
import { setFrame, useFrame } from "./frame-state";
import { PersonMenu } from "./PersonMenu";
import { RecentChats } from "./RecentChats";
import { WorkspaceSwitcher } from "./WorkspaceSwitcher";

type Place = { href: string; label: string; icon: IconType; permission?: string };
const places: Place[] = [
  { href: "/waiting/", label: "Waiting for you", icon: LuInbox, permission: "decision.view" },
  { href: "/agents/", label: "Agents", icon: LuBot, permission: "agent.view" },
  { href: "/runs/", label: "Runs", icon: LuActivity, permission: "run.view" },
  { href: "/usage/", label: "Usage", icon: LuChartColumn, permission: "usage.view" },
  { href: "/providers/", label: "Models", icon: LuPlug, permission: "provider.view" },
];

const row = "flex h-9 w-full items-center gap-2.5 rounded-control px-2.5 text-body transition-colors duration-[120ms] max-md:h-11";

type RowProps = Place & { narrow: boolean; current: boolean; count?: { text: string; words: string } };

export function NavRow({ href, label, icon: Icon, narrow, current, count }: RowProps) {
  const router = useRouter();
  // Fetched when somebody reaches for it: the first page does not pay for all the others.
  const warm = () => router.prefetch(href);
  return (
    <Link
      href={href} prefetch={false} onPointerEnter={warm} onFocus={warm} aria-current={current ? "page" : undefined} aria-label={narrow ? [label, count?.words].filter(Boolean).join(", ") : undefined} title={narrow ? label : undefined}
      onClick={() => setFrame({ sheet: false })}
      className={cx(row, "relative", narrow && "justify-center px-0", current ? "bg-hover font-medium text-text" : "text-muted hover:bg-hover hover:text-text")}
    >
      <Icon size={16} className="shrink-0" aria-hidden />
      {narrow ? null : <span className="min-w-0 flex-1 truncate">{label}</span>}
      {count ? (
        <span className={cx("tabular inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-waiting px-1.5 text-meta font-semibold text-bg", narrow && "absolute -right-1 -top-0.5 h-4! min-w-4! px-1!")}>
          <span aria-hidden>{count.text}</span>{narrow ? null : <span className="sr-only">, {count.words}</span>}
        </span>
      ) : null}
    </Link>
  );
}

/** What is in the sidebar, also in the phone's sheet. */
export function SidebarContent({ narrow = false, end }: { narrow?: boolean; end?: ReactNode }) {
  const path = usePathname();
  const hydrated = useHydrated();
  const { phase, can } = useSession();
  const at = (href: string) => hydrated && (href === "/" ? path === "/" : path.startsWith(href));
  const open = useOpenDecisions(can("decision.view"));
  const waiting = open.items?.length ? { text: open.hasMore ? `${open.items.length}+` : String(open.items.length), words: `${open.items.length}${open.hasMore ? " or more" : ""} open` } : undefined;
  const shown = places.filter((place) => phase !== "ready" || !place.permission || can(place.permission));
  return (
    <div className={cx("flex h-full min-h-0 flex-col gap-0.5 px-2 pb-2 pt-[max(8px,env(safe-area-inset-top))]", narrow && "items-center")}>
      <div className={cx("mb-1 flex w-full items-center gap-1", narrow && "flex-col")}>
        <WorkspaceSwitcher narrow={narrow} />
        {end}
      </div>
      <NavRow href="/" label="New chat" icon={LuSquarePen} narrow={narrow} current={at("/")} />
      <button
        type="button" onClick={() => setFrame({ palette: true, sheet: false })} aria-label={narrow ? "Search" : undefined} title={narrow ? "Search" : undefined}
        className={cx(row, narrow && "justify-center px-0", "text-muted hover:bg-hover hover:text-text")}
      >
        <LuSearch size={16} className="shrink-0" aria-hidden />
        {narrow ? null : <><span className="flex-1 text-left">Search</span><kbd className="font-sans text-meta max-md:hidden">Ctrl K</kbd></>}
      </button>
      <nav aria-label="Main" className="flex w-full flex-col gap-0.5">
        <NavRow href="/chats/" label="Chats" icon={LuMessageSquare} narrow={narrow} current={hydrated && path === "/chats/"} />
        {shown.map((place) => <NavRow key={place.href} {...place} narrow={narrow} current={at(place.href)} count={place.href === "/waiting/" ? waiting : undefined} />)}
      </nav>
      {narrow ? <div className="flex-1" /> : <RecentChats />}
      <PersonMenu narrow={narrow} />
    </div>
  );
}

export function Sidebar() {
  const { collapsed } = useFrame();
  const { can } = useSession();
  // Here, because it is the one part that stands beside every page.
  useFreshDecisions(can("decision.view"));
  return (
    <aside aria-label="Sidebar" className={cx("hidden shrink-0 border-r border-border bg-surface transition-[width] duration-150 ease-out md:block", collapsed ? "w-14" : "w-64")}>
      <SidebarContent
        narrow={collapsed}
        end={<IconButton icon={LuPanelLeft} label={collapsed ? "Widen sidebar" : "Narrow sidebar"} aria-expanded={!collapsed} onClick={() => setFrame({ collapsed: !collapsed })} />}
      />
    </aside>
  );
}
