"use client";
// Who one agent, chat or provider is shared with; and, for everybody in the workspace, whether they can see it and why.
import { useState } from "react";
import { LuBot, LuUser, LuUsersRound, LuX } from "react-icons/lu";
import { IconButton } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choices";
import { Dialog } from "@/components/ui/Dialog";
import { Select } from "@/components/ui/Field";
import { ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tabs } from "@/components/ui/Tabs";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useGrants, useSharingActions } from "@/lib/api/resources/sharing";
import type { Grant, Level, Visibility } from "@/lib/api/types";
import { useSession } from "@/lib/session/SessionProvider";
import { ShareWith } from "./ShareWith";
import { levels, levelWords, visibilityWords, type SharedKind } from "./sharing-words";
import { WhoAndWhy } from "./WhoAndWhy";

/** `object` is its address below the workspace, such as `agents/agt_…`. A chat has no visibility: it is its owner's. */
export type Shared = { kind: SharedKind; object: string; name: string; visibility?: Visibility };
type Tab = "shared" | "why";

/** `onShown`: it was opened to everybody, or closed, and whoever holds a copy of the object has an old one. */
export default function SharingDialog({ shared, onClose, onShown }: { shared: Shared; onClose: () => void; onShown?: () => void }) {
  const [tab, setTab] = useState<Tab>("shared");
  return (
    <Dialog open onClose={onClose} title={`Share ${shared.name}`} bare>
      <Tabs<Tab> label="Sharing" value={tab} onChange={setTab} className="px-5" tabs={[{ value: "shared", label: "Shared with" }, { value: "why", label: "Who can see this, and why" }]}>
        <div className="min-h-72">{tab === "shared" ? <SharedWith shared={shared} onShown={onShown} /> : <WhoAndWhy shared={shared} />}</div>
      </Tabs>
    </Dialog>
  );
}

function SharedWith({ shared, onShown }: { shared: Shared; onShown?: () => void }) {
  const list = useGrants(shared.object);
  return (
    <div className="flex flex-col gap-4 px-5 py-4">
      {shared.visibility ? <VisibilityChoice shared={shared} now={shared.visibility} onShown={onShown} /> : null}
      {list.items ? <ShareWith shared={shared} taken={list.items.map((grant) => grant.grantee)} /> : null}
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={2} label="Loading who it is shared with" /> : null}
      {list.items?.length === 0 ? <p className="text-small text-muted">{shared.kind === "conversation" ? "Only you have this chat. Its owner is never listed here." : "It is shared with nobody by name."}</p> : null}
      {list.items?.length ? <ul aria-label="Shared with" className="divide-y divide-border rounded-control border border-border">{list.items.map((grant) => <GrantRow key={grant.grantee} grant={grant} shared={shared} />)}</ul> : null}
    </div>
  );
}

function VisibilityChoice({ shared, now, onShown }: { shared: Shared; now: Visibility; onShown?: () => void }) {
  const { workspace } = useSession();
  const actions = useSharingActions(shared.object);
  const [wanted, setWanted] = useState<Visibility | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const words = visibilityWords(shared.kind, workspace?.name ?? "this workspace");
  const change = async (next: Visibility) => {
    setWanted(next);
    setProblem(null);
    try { await actions.show(next); onShown?.(); } catch (error) { setProblem(toProblem(error)); setWanted(null); }
  };
  return (
    <div className="flex flex-col gap-2">
      <Choice legend="Who it is open to" value={wanted ?? now} onChange={(next) => void change(next)} options={[{ value: "workspace", ...words.workspace }, { value: "restricted", ...words.restricted }]} />
      <ProblemNote problem={problem} title="Not changed." />
    </div>
  );
}

const icons = { person: LuUser, service: LuBot, group: LuUsersRound };

function GrantRow({ grant, shared }: { grant: Grant; shared: Shared }) {
  const actions = useSharingActions(shared.object);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = grant.name || grant.email || grant.grantee;
  const Icon = icons[grant.kind];
  const act = async (work: () => Promise<unknown>, done?: string) => {
    setBusy(true);
    setProblem(null);
    try { await work(); if (done) toast(done); } catch (error) { setProblem(toProblem(error)); setBusy(false); return; }
    setBusy(false);
  };
  return (
    <li className="px-3 py-2">
      <div className="flex items-center gap-2.5 max-sm:flex-wrap">
        <Icon size={16} aria-hidden className="shrink-0 text-muted" />
        <span className="min-w-0 flex-1 text-small max-sm:basis-[calc(100%-26px)]"><span className="block truncate font-medium" title={name}>{name}</span><span className="block truncate text-muted">{grant.kind === "group" ? "Group" : grant.kind === "service" ? "Service account" : grant.name ? grant.email : "Person"}</span></span>
        <div className="w-36 shrink-0 max-sm:ml-[26px] max-sm:flex-1"><Select hideLabel label={`What ${name} can do`} value={grant.level} disabled={busy} title={levelWords(shared.kind, grant.level).text} onChange={(event) => void act(() => actions.set(grant.grantee, event.target.value as Level, grant.level))}>{levels.map((level) => <option key={level} value={level}>{levelWords(shared.kind, level).name}</option>)}</Select></div>
        <IconButton icon={LuX} label={`Stop sharing with ${name}`} disabled={busy} onClick={() => void act(() => actions.take(grant.grantee, grant.level), `No longer shared with ${name}`)} />
      </div>
      {problem ? <div className="mt-2"><ProblemNote problem={problem} title="Not changed." /></div> : null}
    </li>
  );
}
