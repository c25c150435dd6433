"use client";
import { useState } from "react";
import { RightsGrid } from "@/components/rights/RightsGrid";
import { Button } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choices";
import { Dialog } from "@/components/ui/Dialog";
import { TextArea, TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { useTokenActions } from "@/lib/api/resources/tokens";
import type { Permission, Token, TokenSecret } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { endOf, networksOf } from "./token-draft";

const dayIn = (at: string): string => { const day = new Date(at); return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}`; };

export function EditToken({ token, account, onClose }: { token: Token; account: string | null; onClose: () => void }) {
  const actions = useTokenActions(account);
  const was = token.expires_at ? dayIn(token.expires_at) : "";
  const [name, setName] = useState(token.name);
  const [day, setDay] = useState(was);
  const [networks, setNetworks] = useState(token.networks.join("\n"));
  const [rate, setRate] = useState(token.per_minute === null ? "" : String(token.per_minute));
  const [scopes, setScopes] = useState<string[]>(token.scopes);
  const { busy, problem, submit } = useSaving(async () => {
    const narrowed = scopes.length < token.scopes.length ? { scopes: scopes as Permission[] } : {};
    await actions.edit(token.id, { ...narrowed, name: name.trim(), networks: networksOf(networks), per_minute: rate.trim() ? Number(rate) : null, ...(day === was ? {} : { expires_at: day ? endOf({ lifetime: "date", date: day }, new Date()) : null }) });
    toast("Saved");
    onClose();
  });
  return (
    <Dialog open onClose={onClose} title={`Change ${token.name}`} description="What it may do can be taken away here, not added to: make another token for more." footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim() || !scopes.length} onClick={() => submit()}>Save</Button></>}>
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
        <TextInput label="Name" autoFocus maxLength={120} value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} />
        <TextInput label="Last day" type="date" value={day} onChange={(event) => setDay(event.target.value)} error={problem?.field("expires_at")} hint="Empty: it never ends." />
        <TextArea label="Networks" rows={2} className="font-mono" spellCheck={false} value={networks} onChange={(event) => setNetworks(event.target.value)} error={problem?.field("networks")} hint="One address or range a line. Empty: from anywhere." />
        <TextInput label="Requests a minute" type="number" inputMode="numeric" min={1} max={60_000} value={rate} onChange={(event) => setRate(event.target.value)} error={problem?.field("per_minute")} hint="Empty: the server's own limit." />
        <details className="group rounded-control border border-border px-3 py-2 text-small">
          <summary className="font-medium">What it may do <span className="font-normal text-muted">({scopes.length} of {token.scopes.length})</span></summary>
          <div className="mt-3 pb-1"><RightsGrid offered={token.scopes} value={scopes} onChange={setScopes} /></div>
          <p className="pt-1 text-muted">Runs that it started stop where they need what you take away.</p>
        </details>
        {problem && !["name", "expires_at", "networks", "per_minute"].some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}

export function RotateToken({ token, account, onClose, onMade }: { token: Token; account: string | null; onClose: () => void; onMade: (made: TokenSecret) => void }) {
  const actions = useTokenActions(account);
  const [overlap, setOverlap] = useState("3600");
  const { busy, problem, submit } = useSaving(async () => onMade(await actions.rotate(token.id, Number(overlap))));
  return (
    <Dialog open onClose={onClose} title={`A new secret for ${token.name}`} description="Name, rights and limits stay. You see the new secret once." footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} onClick={() => submit()}>Make a new secret</Button></>}>
      <div className="flex flex-col gap-4">
        <Choice legend="The old secret ends" value={overlap} onChange={setOverlap} options={[{ value: "0", label: "Now", text: "For one that somebody else may have." }, { value: "3600", label: "In an hour" }, { value: "86400", label: "In a day" }, { value: "604800", label: "In a week" }]} />
        <ProblemNote problem={problem} />
      </div>
    </Dialog>
  );
}
