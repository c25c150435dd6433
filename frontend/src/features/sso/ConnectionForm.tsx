"use client";
import { useState } from "react";
import { LuPlus, LuX } from "react-icons/lu";
import { roleName } from "@/components/people/RoleSelect";
import { Button, IconButton } from "@/components/ui/Button";
import { Choice, Tick, toggled } from "@/components/ui/Choices";
import { Dialog } from "@/components/ui/Dialog";
import { Select, TextArea, TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { useConnectionActions } from "@/lib/api/resources/sso";
import type { Group, Role, SsoConnection } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { changesOf, draftOf, emptyConnection, inputOf, type ConnectionDraft, type Rule } from "./connection-draft";

type Props = { connection?: SsoConnection; roles: Role[] | undefined; groups: Group[] | undefined; onClose: () => void };
const fields = ["name", "issuer", "client_id", "client_secret", "metadata", "metadata_url", "sign_requests", "require_encrypted", "domains", "groups_claim", "default_role", "mapping"];

export function ConnectionForm({ connection, roles, groups, onClose }: Props) {
  const [draft, setDraft] = useState<ConnectionDraft>(() => (connection ? draftOf(connection) : emptyConnection));
  const set = (change: Partial<ConnectionDraft>) => setDraft((now) => ({ ...now, ...change }));
  const actions = useConnectionActions();
  const { busy, problem, submit, forget } = useSaving(async () => {
    await (connection ? actions.edit(connection.id, changesOf(connection, draft)) : actions.create(inputOf(draft)));
    toast(connection ? "Saved" : `${draft.name.trim()} is set up. Open it for its addresses, then test it.`);
    onClose();
  });
  return (
    <Dialog
      wide open onClose={onClose} title={connection ? `Change ${connection.name}` : "Add an identity provider"} description={connection ? undefined : "What it publishes is read when you save. Nobody is let in by it before you are done."}
      footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!draft.name.trim()} onClick={() => submit()}>{busy ? "Asking the provider" : connection ? "Save" : "Add provider"}</Button></>}
    >
      <form className="flex flex-col gap-4" onSubmit={submit} autoComplete="off" noValidate>
        {connection ? null : <Choice legend="How it speaks" value={draft.kind} onChange={(kind) => { set({ kind }); forget(); }} options={[{ value: "oidc", label: "OpenID Connect", text: "The simpler one. You get an issuer, a client id and a secret from the provider." }, { value: "saml", label: "SAML", text: "You get metadata from the provider." }]} />}
        <TextInput label="Name" autoFocus maxLength={120} value={draft.name} onChange={(event) => set({ name: event.target.value })} placeholder="Nordlicht" error={problem?.field("name")} hint="People see it as “Sign in with …”." />
        {draft.kind === "oidc" ? (
          <>
            <TextInput label="Issuer" type="url" inputMode="url" spellCheck={false} value={draft.issuer} onChange={(event) => set({ issuer: event.target.value })} placeholder="https://login.example.com" error={problem?.field("issuer")} />
            <div className="grid gap-4 sm:grid-cols-2">
              <TextInput label="Client id" spellCheck={false} value={draft.clientId} onChange={(event) => set({ clientId: event.target.value })} error={problem?.field("client_id")} />
              <TextInput label={connection?.has_secret ? "New client secret" : "Client secret"} type="password" autoComplete="off" value={draft.secret} onChange={(event) => set({ secret: event.target.value })} error={problem?.field("client_secret")} hint={connection?.has_secret ? "Empty: the present one stays." : "Kept encrypted and never shown again."} />
            </div>
          </>
        ) : (
          <>
            <TextInput label="Address of the metadata" type="url" inputMode="url" spellCheck={false} value={draft.metadataUrl} onChange={(event) => set({ metadataUrl: event.target.value })} placeholder="https://login.example.com/metadata.xml" error={problem?.field("metadata_url")} hint={connection ? "Only to read it anew." : undefined} />
            <TextArea label="Or the metadata itself" rows={3} spellCheck={false} className="font-mono" value={draft.metadata} onChange={(event) => set({ metadata: event.target.value })} error={problem?.field("metadata")} />
            <div>
              <Tick label="Sign our requests" checked={draft.sign} onChange={(sign) => set({ sign })} note="For providers that ask for it. The certificate is in our metadata, at our entity id." />
              <Tick label="Take only encrypted answers" checked={draft.encrypted} onChange={(encrypted) => set({ encrypted })} note="The provider encrypts for the certificate in our metadata: give it that first, or nobody comes in." />
            </div>
          </>
        )}
        <TextArea label="Domains of your addresses" rows={2} spellCheck={false} value={draft.domains} onChange={(event) => set({ domains: event.target.value })} placeholder="example.com" error={problem?.field("domains")} hint="One a line. New people come in with an address of one of these, once an operator of this server has approved it." />
        <TextInput label="Claim that names the groups" spellCheck={false} value={draft.claim} onChange={(event) => set({ claim: event.target.value })} placeholder="groups" error={problem?.field("groups_claim")} hint="Empty: groups." />
        <Rules draft={draft} set={set} roles={roles} groups={groups} />
        {problem?.field("mapping") ? <p role="alert" className="text-small text-failed">{problem.field("mapping")}</p> : null}
        <RolePick label="Everybody else comes in as" none="Nobody else comes in" value={draft.role} roles={roles} onChange={(role) => set({ role })} error={problem?.field("default_role")} />
        {problem && !fields.some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}

function RolePick({ label, hideLabel, none, value, roles, onChange, error }: { label: string; hideLabel?: boolean; none: string; value: string; roles: Role[] | undefined; onChange: (role: string) => void; error?: string | null }) {
  return <Select label={label} hideLabel={hideLabel} value={value} onChange={(event) => onChange(event.target.value)} error={error}><option value="">{none}</option>{roles?.map((role) => <option key={role.id} value={role.id}>{roleName(role)}</option>)}</Select>;
}

/** All the groups that a rule puts people into, each to be taken away; and one more. */
function GroupsHere({ number, held, groups, onChange }: { number: number; held: string[]; groups: Group[] | undefined; onChange: (groups: string[]) => void }) {
  const nameOf = (id: string) => groups?.find((group) => group.id === id)?.name ?? "A group that is gone";
  return (
    <div className="flex min-w-0 flex-col gap-1">
      {held.length ? (
        <ul aria-label={`Groups here for group ${number}`} className="flex flex-wrap gap-1">
          {held.map((id) => (
            <li key={id} className="flex min-w-0 items-center rounded-control border border-border pl-2 text-small">
              <span className="min-w-0 [overflow-wrap:anywhere]">{nameOf(id)}</span>
              <IconButton icon={LuX} label={`Take ${nameOf(id)} out of group ${number}`} onClick={() => onChange(toggled(held, id, false))} />
            </li>
          ))}
        </ul>
      ) : null}
      <Select label={`Group here for group ${number}`} hideLabel value="" onChange={(event) => onChange(toggled(held, event.target.value, true))}>
        <option value="">{held.length ? "One more group" : "No group here"}</option>
        {groups?.filter((group) => !held.includes(group.id)).map((group) => <option key={group.id} value={group.id}>{group.name}</option>)}
      </Select>
    </div>
  );
}

function Rules({ draft, set, roles, groups }: { draft: ConnectionDraft; set: (change: Partial<ConnectionDraft>) => void; roles: Role[] | undefined; groups: Group[] | undefined }) {
  const change = (at: number, next: Partial<Rule>) => set({ rules: draft.rules.map((rule, i) => (i === at ? { ...rule, ...next } : rule)) });
  return (
    <fieldset className="min-w-0">
      <legend className="text-small font-medium">Groups there, and what they give here</legend>
      <ul className="mt-1.5 flex flex-col gap-3">
        {draft.rules.map((rule, i) => (
          <li key={i} className="flex items-start gap-2">
            <div className="grid min-w-0 flex-1 gap-2 sm:grid-cols-3">
              <TextInput label={`Group ${i + 1} there`} hideLabel spellCheck={false} placeholder="Group, to the letter" value={rule.group} onChange={(event) => change(i, { group: event.target.value })} />
              <RolePick label={`Role of group ${i + 1}`} hideLabel none="No role by itself" value={rule.role} roles={roles} onChange={(role) => change(i, { role })} />
              <GroupsHere number={i + 1} held={rule.groups} groups={groups} onChange={(next) => change(i, { groups: next })} />
            </div>
            <IconButton icon={LuX} label={`Take group ${i + 1} away`} onClick={() => set({ rules: draft.rules.filter((_, other) => other !== i) })} />
          </li>
        ))}
      </ul>
      <Button size="small" icon={LuPlus} className="mt-2" onClick={() => set({ rules: [...draft.rules, { group: "", role: "", groups: [] }] })}>Add a group</Button>
    </fieldset>
  );
}
