"use client";
// The builder: the draft's form on the left, a live chat on the same draft on the right. On a phone they are tabs.
import { useRouter } from "next/navigation";
import { useState } from "react";
import { LuEllipsis, LuMessageSquare, LuRotateCcw, LuShare2, LuTrash2 } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { Sharing } from "@/components/sharing/Sharing";
import { Button, ButtonLink, IconButton } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { Confirm } from "@/components/ui/Dialog";
import { Menu, MenuItem } from "@/components/ui/Menu";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { Tabs } from "@/components/ui/Tabs";
import { toast } from "@/components/ui/Toast";
import { AgentForm } from "@/features/agents/AgentForm";
import { Conflict } from "@/features/agents/Conflict";
import { DiffButton, PublishButton, SaveState } from "@/features/agents/DraftBar";
import { useDraftEditor } from "@/features/agents/use-draft-editor";
import { VersionTimeline } from "@/features/agents/VersionTimeline";
import { ChatPane } from "@/features/chat/ChatPane";
import type { Tagged } from "@/lib/api/client";
import { useAgent, useAgentActions } from "@/lib/api/resources/agents";
import { useConversationActions } from "@/lib/api/resources/conversations";
import type { Agent } from "@/lib/api/types";
import { useWide } from "@/lib/layout/use-wide";
import { useRouteId } from "@/lib/route/use-route-id";

export function BuilderScreen() {
  const id = useRouteId("agents");
  const { agent, etag, problem, retry } = useAgent(id);
  const back = { href: "/agents/", label: "Agents" };
  if (problem) return <><PageHeader title="Agent" back={back} /><ProblemPanel problem={problem} onRetry={retry} action={<ButtonLink href="/agents/" size="small">All agents</ButtonLink>} /></>;
  if (!agent) {
    return (
      <>
        <PageHeader title="" back={back} />
        <div role="status" aria-label="Loading agent" className="flex w-full max-w-[640px] flex-col gap-4 p-6"><Skeleton className="h-4 w-20" /><Skeleton className="h-9" /><Skeleton className="h-9" /><Skeleton className="h-48" /><Skeleton className="h-14" /></div>
      </>
    );
  }
  return <Builder key={agent.id} tagged={{ value: agent, etag }} />;
}

type Tab = "draft" | "try" | "versions";
const tabs: Record<Tab, { value: Tab; label: string }> = {
  draft: { value: "draft", label: "Draft" }, try: { value: "try", label: "Try it" }, versions: { value: "versions", label: "Versions" },
};

function Builder({ tagged }: { tagged: Tagged<Agent> }) {
  const { editor, state } = useDraftEditor(tagged);
  const actions = useAgentActions();
  const router = useRouter();
  const [tab, setTab] = useState<Tab>("draft");
  const [diffs, setDiffs] = useState(0);
  const [removing, setRemoving] = useState(false);
  const [sharing, setSharing] = useState(false);
  const { agent } = state;
  const may = (act: string) => agent.permissions.includes(act);
  const locked = !may("edit");
  const wide = useWide();
  const shown = wide && tab === "try" ? "draft" : tab;
  return (
    <>
      <PageHeader title={state.values.name || agent.name} back={{ href: "/agents/", label: "Agents" }} aside={<SaveState state={state} />}>
        <DiffButton state={state} onOpen={() => { setDiffs(diffs + 1); setTab("versions"); }} />
        {may("publish") ? <PublishButton state={state} editor={editor} /> : null}
        <Menu trigger={<IconButton icon={LuEllipsis} label="More for this agent" />}>
          {agent.published ? <MenuItem icon={LuMessageSquare} onSelect={() => router.push("/")}>Go to chat</MenuItem> : null}
          {may("share") ? <MenuItem icon={LuShare2} onSelect={() => void editor.flush().catch(() => undefined).then(() => setSharing(true))}>Share</MenuItem> : null}
          {may("delete") ? <MenuItem icon={LuTrash2} danger onSelect={() => setRemoving(true)}>Delete agent</MenuItem> : null}
        </Menu>
      </PageHeader>
      <div className="flex min-h-0 flex-1">
        <div className="flex min-w-0 flex-1 flex-col">
          <Tabs<Tab>
            label="Agent" value={shown} onChange={setTab} className="px-6 max-md:px-4"
            tabs={wide ? [tabs.draft, tabs.versions] : [tabs.draft, tabs.try, tabs.versions]}
          >
            {shown === "try" ? <div className="flex min-h-0 flex-1 flex-col"><DraftChat state={state} flush={editor.flush} /></div> : null}
            <div className={cx("relative min-h-0 flex-1 overflow-y-auto px-6 max-md:px-4", shown === "try" && "hidden")}>
              <div className="mx-auto max-w-[640px] pb-10">
                <div className="sticky top-0 z-10 max-h-[72dvh] overflow-y-auto pt-3 empty:hidden"><Conflict state={state} editor={editor} /></div>
                {locked ? <p className="pt-3 text-small text-muted">You can look at this agent, but not change it. {agent.owner.name || agent.owner.email} can give you access.</p> : null}
                {shown === "versions" ? <VersionTimeline key={diffs} state={state} editor={editor} locked={locked} /> : <AgentForm key={state.round} state={state} editor={editor} locked={locked} />}
              </div>
            </div>
          </Tabs>
        </div>
        {wide ? <section aria-label="Try the draft" className="flex w-[44%] max-w-[640px] shrink-0 flex-col border-l border-border"><DraftChat state={state} flush={editor.flush} /></section> : null}
      </div>
      <Sharing
        shared={sharing ? { kind: "agent", object: `agents/${agent.id}`, name: agent.name, visibility: agent.visibility } : null} onClose={() => setSharing(false)}
        onShown={() => void actions.reread(agent.id).then((now) => editor.rebase(now), () => undefined)}
      />
      <Confirm
        open={removing} onClose={() => setRemoving(false)} title={`Delete ${agent.name}?`} act="Delete agent"
        text="Nobody can start it any more. Its chats and runs stay readable."
        onConfirm={async () => {
          const { etag } = await actions.reread(agent.id);
          await actions.remove(agent.id, etag);
          toast("Agent deleted");
          router.push("/agents/");
        }}
      />
    </>
  );
}

function DraftChat({ state, flush }: { state: ReturnType<typeof useDraftEditor>["state"]; flush: () => Promise<void> }) {
  const actions = useConversationActions();
  const [conversation, setConversation] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const { agent, values } = state;
  return (
    <>
      <div className="flex h-10 shrink-0 items-center justify-between gap-2 border-b border-border pl-4 pr-2">
        <h2 className="text-small font-medium">Try the draft</h2>
        {conversation ? <Button size="small" look="quiet" icon={LuRotateCcw} onClick={() => { setConversation(null); setRound(round + 1); }}>Start over</Button> : null}
      </div>
      <ChatPane
        key={`${conversation ?? "new"}-${round}`} narrow conversation={conversation} place={`draft.${agent.id}`} autoFocus={false} onStarted={setConversation} beforeSend={flush}
        start={async (text, key) => {
          const made = await actions.create(agent.id, true);
          return { conversation: made.id, run: (await actions.post(made.id, text, key)).run };
        }}
        placeholder="Ask the draft something" starters={values.starters.filter((one) => one.trim())}
        blocked={values.model ? undefined : <p className="rounded-card border border-border px-4 py-3 text-small text-muted">Choose a model, then try the draft here.</p>}
        hero={<p className="text-center text-small text-muted">You talk to the draft as it stands now. These chats are not listed.</p>}
      />
    </>
  );
}
