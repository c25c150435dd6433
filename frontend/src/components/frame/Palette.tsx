"use client";
// One box that reaches everything: places, agents, chats. Loaded on its first use.
import { useRouter } from "next/navigation";
import { useDeferredValue, useState, type KeyboardEvent } from "react";
import type { IconType } from "react-icons";
import { LuActivity, LuBot, LuChartColumn, LuInbox, LuKeyboard, LuMessageSquare, LuPlug, LuSearch, LuSettings, LuSquarePen } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { Dialog } from "@/components/ui/Dialog";
import { useAgents } from "@/lib/api/resources/agents";
import { useConversations } from "@/lib/api/resources/conversations";
import { useSession } from "@/lib/session/SessionProvider";
import { setFrame } from "./frame-state";

type Entry = { id: string; label: string; group: string; icon: IconType; run: () => void };

export default function Palette() {
  const router = useRouter();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const search = useDeferredValue(text.trim());
  const chats = useConversations({ search, limit: 8 });
  const agents = useAgents();
  const { can } = useSession();
  const close = () => setFrame({ palette: false });
  const go = (href: string) => () => { close(); router.push(href); };

  const places: Entry[] = [
    { id: "new", label: "New chat", group: "Go to", icon: LuSquarePen, run: go("/") },
    { id: "chats", label: "Chats", group: "Go to", icon: LuMessageSquare, run: go("/chats/") },
    ...(can("decision.view") ? [{ id: "waiting", label: "Waiting for you", group: "Go to", icon: LuInbox, run: go("/waiting/") }] : []),
    ...(can("agent.view") ? [{ id: "agents", label: "Agents", group: "Go to", icon: LuBot, run: go("/agents/") }] : []),
    ...(can("agent.create") ? [{ id: "agent-new", label: "New agent", group: "Go to", icon: LuBot, run: go("/agents/new/") }] : []),
    ...(can("run.view") ? [{ id: "runs", label: "Runs", group: "Go to", icon: LuActivity, run: go("/runs/") }] : []),
    ...(can("usage.view") ? [{ id: "usage", label: "Usage", group: "Go to", icon: LuChartColumn, run: go("/usage/") }] : []),
    ...(can("provider.view") ? [{ id: "models", label: "Models and providers", group: "Go to", icon: LuPlug, run: go("/providers/") }] : []),
    { id: "settings", label: "Settings", group: "Go to", icon: LuSettings, run: go("/settings/") },
    { id: "security", label: "Settings: sign-in security", group: "Go to", icon: LuSettings, run: go("/settings/security/") },
    ...(can("api_token.view") ? [{ id: "tokens", label: "Settings: API tokens", group: "Go to", icon: LuSettings, run: go("/settings/tokens/") }] : []),
    ...(can("member.view") ? [{ id: "members", label: "Settings: members", group: "Go to", icon: LuSettings, run: go("/settings/members/") }] : []),
    ...(can("audit.view") ? [{ id: "audit", label: "Settings: audit log", group: "Go to", icon: LuSettings, run: go("/settings/audit/") }] : []),
    { id: "keys", label: "Keyboard", group: "Go to", icon: LuKeyboard, run: () => setFrame({ palette: false, keys: true }) },
  ];
  const wanted = search.toLowerCase();
  const matches = (label: string) => label.toLowerCase().includes(wanted);
  const entries: Entry[] = [
    ...places.filter((place) => matches(place.label)),
    ...(agents.items ?? []).filter((agent) => wanted && matches(agent.name)).slice(0, 6).map((agent) => ({ id: agent.id, label: agent.name, group: "Agents", icon: LuBot, run: go(`/agents/${agent.id}/`) })),
    ...(chats.items ?? []).slice(0, 8).map((chat) => ({ id: chat.id, label: chat.title || "New chat", group: "Chats", icon: LuMessageSquare, run: go(`/chats/${chat.id}/`) })),
  ];
  const chosen = Math.min(at, Math.max(0, entries.length - 1));
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") { event.preventDefault(); setAt(Math.min(chosen + 1, entries.length - 1)); }
    if (event.key === "ArrowUp") { event.preventDefault(); setAt(Math.max(chosen - 1, 0)); }
    if (event.key === "Enter") { event.preventDefault(); entries[chosen]?.run(); }
  };

  return (
    <Dialog open onClose={close} title="Search and go anywhere" hideTitle bare>
      <div className="flex items-center gap-2 border-b border-border px-4">
        <LuSearch size={16} className="text-muted" aria-hidden />
        <input
          autoFocus value={text} onChange={(event) => { setText(event.target.value); setAt(0); }} onKeyDown={onKey} placeholder="Chats, agents, places"
          aria-label="Search" role="combobox" aria-expanded aria-controls="palette" aria-activedescendant={entries[chosen] ? `palette-${entries[chosen].id}` : undefined}
          className="h-12 w-full bg-transparent text-body outline-none max-md:text-chat"
        />
      </div>
      <div id="palette" role="listbox" aria-label="Results" className="max-h-[52dvh] min-h-[200px] overflow-y-auto p-2">
        {entries.map((entry, i) => (
          <div key={entry.id}>
            {entries[i - 1]?.group === entry.group ? null : <div className="px-2 pb-1 pt-2 text-meta text-muted" aria-hidden>{entry.group}</div>}
            <div
              id={`palette-${entry.id}`} role="option" aria-selected={i === chosen} onClick={entry.run} onPointerMove={() => setAt(i)}
              ref={(row) => { if (i === chosen) row?.scrollIntoView({ block: "nearest" }); }}
              className={cx("flex h-9 cursor-pointer items-center gap-2.5 rounded-control px-2 text-body", i === chosen && "bg-hover")}
            >
              <entry.icon size={16} className="shrink-0 text-muted" aria-hidden /><span className="truncate">{entry.label}</span>
            </div>
          </div>
        ))}
        {entries.length ? null : <p className="px-2 py-6 text-center text-small text-muted">Nothing matches “{text}”.</p>}
      </div>
    </Dialog>
  );
}
