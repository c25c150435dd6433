"use client";
import { useState } from "react";
import { RightsGrid } from "@/components/rights/RightsGrid";
import { Button } from "@/components/ui/Button";
import { Choice, Tick, toggled } from "@/components/ui/Choices";
import { Dialog } from "@/components/ui/Dialog";
import { Select, TextArea, TextInput } from "@/components/ui/Field";
import { ProblemNote, Skeleton } from "@/components/ui/Panels";
import { useAgents } from "@/lib/api/resources/agents";
import { useTokenActions } from "@/lib/api/resources/tokens";
import type { TokenSecret } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { forTokens } from "@/lib/rights/permissions";
import { emptyDraft, inputOf, missing, scopesOf, type Lifetime, type TokenDraft } from "./token-draft";

type Props = { account: string | null; held: string[]; whose: string; onClose: () => void; onMade: (made: TokenSecret) => void };
const fields = ["name", "scopes", "objects", "networks", "per_minute", "expires_at"];

export function NewToken({ account, held, whose, onClose, onMade }: Props) {
  const [draft, setDraft] = useState<TokenDraft>(emptyDraft);
  const [tried, setTried] = useState(false);
  const actions = useTokenActions(account);
  const set = (change: Partial<TokenDraft>) => setDraft((now) => ({ ...now, ...change }));
  const lack = missing(draft, held);
  const { busy, problem, submit } = useSaving(async () => {
    setTried(true);
    if (lack) return;
    onMade(await actions.create(inputOf(draft, held, new Date())));
  });
  const scopes = scopesOf(draft, held);
  return (
    <Dialog wide open onClose={onClose} title="New API token" description={`A program that has it acts as ${whose}, as far as you say here.`} footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} onClick={() => submit()}>Make token</Button></>}>
      <form className="flex flex-col gap-5" onSubmit={submit} noValidate>
        <TextInput label="Name" autoFocus maxLength={120} value={draft.name} onChange={(event) => set({ name: event.target.value })} placeholder="Nightly report" error={problem?.field("name") ?? (tried && !draft.name.trim() ? lack : null)} hint="So that you know later what it is for." />
        <Choice
          legend="What it may do" value={draft.reach} onChange={(reach) => set({ reach, scopes: reach === "some" ? scopes : draft.scopes })}
          options={[
            { value: "read", label: "Read only", text: "It looks at what its holder sees, and changes nothing." },
            { value: "all", label: account ? "Everything the account may" : "Everything I may", text: "Less where your role changes; never how people sign in, nor other tokens." },
            { value: "some", label: "Choose", text: draft.reach === "some" ? `${scopes.length} of ${forTokens(held).length} chosen` : "Thing by thing." },
          ]}
        />
        {draft.reach === "some" ? <RightsGrid offered={forTokens(held)} value={draft.scopes} onChange={(next) => set({ scopes: next })} /> : null}
        {problem?.field("scopes") ?? (tried && lack === "Choose what it may do.") ? <p role="alert" className="text-small text-failed">{problem?.field("scopes") ?? lack}</p> : null}
        <Agents draft={draft} set={set} error={problem?.field("objects") ?? (tried && draft.limited && !draft.agents.length ? lack : null)} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Select label="Ends" value={draft.lifetime} onChange={(event) => set({ lifetime: event.target.value as Lifetime })} error={draft.lifetime === "date" ? null : problem?.field("expires_at")}>
            <option value="30">In 30 days</option><option value="90">In 90 days</option><option value="365">In a year</option><option value="date">On a day</option><option value="never">Never</option>
          </Select>
          {draft.lifetime === "date" ? <TextInput label="Last day" type="date" value={draft.date} onChange={(event) => set({ date: event.target.value })} error={problem?.field("expires_at") ?? (tried && !draft.date ? lack : null)} /> : null}
        </div>
        <details className="group rounded-control border border-border px-3 py-2 text-small">
          <summary className="font-medium">Only from some networks, at some rate <span className="font-normal text-muted">(optional)</span></summary>
          <div className="mt-3 flex flex-col gap-4 pb-1">
            <TextArea label="Networks" rows={2} className="font-mono" spellCheck={false} value={draft.networks} onChange={(event) => set({ networks: event.target.value })} placeholder="192.0.2.0/24" error={problem?.field("networks")} hint="One address or range a line. Empty: from anywhere." />
            <TextInput label="Requests a minute" type="number" inputMode="numeric" min={1} max={60_000} value={draft.rate} onChange={(event) => set({ rate: event.target.value })} error={problem?.field("per_minute")} hint="Empty: the server's own limit." />
          </div>
        </details>
        {problem && !fields.some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}

function Agents({ draft, set, error }: { draft: TokenDraft; set: (change: Partial<TokenDraft>) => void; error: string | null | undefined }) {
  const agents = useAgents();
  return (
    <div className="flex flex-col gap-2">
      <Choice
        legend="Which agents it reaches" value={draft.limited ? "some" : "all"} onChange={(value) => set({ limited: value === "some" })}
        options={[{ value: "all", label: "All that its holder reaches" }, { value: "some", label: "Only these", text: draft.limited ? undefined : "It makes no agents then, and sees only chats and runs of these." }]}
      />
      {draft.limited ? (
        <div className="max-h-44 overflow-y-auto rounded-control border border-border px-3 py-1">
          {agents.items ? agents.items.map((agent) => <Tick key={agent.id} label={agent.name} checked={draft.agents.includes(agent.id)} onChange={(on) => set({ agents: toggled(draft.agents, agent.id, on) })} />) : <Skeleton className="my-2 h-4 w-40" />}
          {agents.items?.length === 0 ? <p className="py-1 text-small text-muted">There is no agent yet.</p> : null}
        </div>
      ) : null}
      {error ? <p role="alert" className="text-small text-failed">{error}</p> : null}
    </div>
  );
}
