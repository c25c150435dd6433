"use client";
// A workspace's identity providers: who they are, whom they let in as what, a test that shows what they say, and enforcing.
import { useState } from "react";
import { LuBuilding2, LuChevronRight, LuFlaskConical, LuPencil, LuPlus, LuTrash2 } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { CopyButton } from "@/components/ui/CopyButton";
import { Confirm } from "@/components/ui/Dialog";
import { Switch } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { toast } from "@/components/ui/Toast";
import { useGroups, useRoles } from "@/lib/api/resources/people";
import { useConnectionActions, useConnections } from "@/lib/api/resources/sso";
import type { Group, Role, SsoConnection } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";
import { ConnectionForm } from "./ConnectionForm";
import { TestOutcome } from "./TestOutcome";

export function SingleSignOn() {
  const { can } = useSession();
  const list = useConnections();
  const roles = useRoles(can("role.view"));
  const groups = useGroups(can("group.view"));
  const [adding, setAdding] = useState(false);
  const may = can("sso.edit");
  const add = may ? <Button size="small" look="primary" icon={LuPlus} onClick={() => setAdding(true)}>Add a provider</Button> : null;
  return (
    <Card flush title="Single sign-on" note={may ? "People sign in through your organisation’s identity provider, by OpenID Connect or SAML." : "Owners set this up."} action={list.items?.length ? add : null}>
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={2} label="Loading identity providers" /> : null}
      {list.items?.length === 0 ? <Empty icon={LuBuilding2} title="No identity provider is set up" action={add}>{may ? "Add yours, for example Entra ID, Okta, Google or Keycloak. Passwords go on working until you say otherwise." : "An owner of this workspace can add one."}</Empty> : null}
      <ul className="divide-y divide-border">{list.items?.map((one) => <ConnectionRow key={one.id} connection={one} roles={roles.items} groups={groups.items} may={may} />)}</ul>
      {adding ? <ConnectionForm roles={roles.items} groups={groups.items} onClose={() => setAdding(false)} /> : null}
      {may && list.items?.length ? <TestOutcome connections={list.items} roles={roles.items} groups={groups.items} /> : null}
    </Card>
  );
}

type RowProps = { connection: SsoConnection; roles: Role[] | undefined; groups: Group[] | undefined; may: boolean };

function ConnectionRow({ connection, roles, groups, may }: RowProps) {
  const [open, setOpen] = useState(false);
  const [doing, setDoing] = useState<"edit" | "delete" | "enforce" | null>(null);
  const actions = useConnectionActions();
  const toggle = useSaving(async () => { await actions.edit(connection.id, { enabled: !connection.enabled }); });
  const release = useSaving(async () => { await actions.edit(connection.id, { enforced: false }); toast("Passwords are accepted again"); });
  const test = useSaving(async () => location.assign((await actions.test(connection.id)).url));
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left outline-offset-[-2px] hover:bg-surface">
        <LuChevronRight size={16} aria-hidden className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open && "rotate-90")} />
        <span className="min-w-0 flex-1"><span className="block font-medium [overflow-wrap:anywhere]">{connection.name}</span><span className="block text-small text-muted [overflow-wrap:anywhere]">{connection.kind === "oidc" ? "OpenID Connect" : "SAML"} · {connection.issuer}</span></span>
        {connection.enforced ? <Tag tone="accent">required</Tag> : null}
        {connection.enabled ? null : <Tag tone="waiting">switched off</Tag>}
      </button>
      {open ? (
        <div className="flex flex-col gap-4 border-t border-border bg-surface px-4 py-4">
          <Facts connection={connection} roles={roles} groups={groups} />
          {[toggle, release, test].map((one, i) => <ProblemNote key={i} problem={one.problem} />)}
          {may ? (
            <>
              <div className="flex flex-col items-start gap-1">
                <Switch label={connection.enabled ? "Switched on" : "Switched off: nobody comes in this way"} checked={connection.enabled} disabled={toggle.busy} onChange={() => toggle.submit()} />
                <Switch label={connection.enforced ? "Required: people with its domains come in this way only" : "Not required: passwords are accepted too"} checked={connection.enforced} disabled={release.busy} onChange={(next) => { release.forget(); if (next) setDoing("enforce"); else release.submit(); }} />
              </div>
              <div className="flex flex-wrap gap-2">
                <Button size="small" look="primary" icon={LuFlaskConical} busy={test.busy} onClick={() => test.submit()}>Test it</Button>
                <Button size="small" icon={LuPencil} onClick={() => setDoing("edit")}>Change</Button>
                <Button size="small" look="danger" icon={LuTrash2} onClick={() => setDoing("delete")}>Remove</Button>
              </div>
              <p className="text-small text-muted">A test takes you to the provider and back, and shows what it says about you. Nobody is signed in by it.</p>
            </>
          ) : null}
        </div>
      ) : null}
      {doing === "edit" ? <ConnectionForm connection={connection} roles={roles} groups={groups} onClose={() => setDoing(null)} /> : null}
      <Confirm open={doing === "delete"} onClose={() => setDoing(null)} title={`Remove ${connection.name}?`} act="Remove provider" text="Its links to people’s accounts go too, and whoever signed in through it is signed out." onConfirm={async () => { await actions.remove(connection.id); toast("Identity provider removed"); }} />
      <Confirm open={doing === "enforce"} onClose={() => setDoing(null)} title={`Require ${connection.name}?`} act="Require it" text="People with an address of its approved domains are signed out and come in this way only, at every door. Link your own account and pass a test first." onConfirm={async () => { await actions.edit(connection.id, { enforced: true }); toast(`${connection.name} is required now`); }} />
    </li>
  );
}

const Copyable = ({ label, text }: { label: string; text: string }) => <><dt className="text-muted">{label}</dt><dd className="flex min-w-0 items-start gap-1"><code className="min-w-0 font-mono text-meta leading-5 [overflow-wrap:anywhere]">{text}</code><CopyButton text={text} label={`Copy ${label.toLowerCase()}`} className="-my-1.5" /></dd></>;

function Facts({ connection, roles, groups }: Omit<RowProps, "may">) {
  const nameOfRole = (id: string) => { const own = roles?.find((role) => role.id === id && !role.built_in); return own ? own.name : roleWords(id).name; };
  const nameOfGroup = (id: string) => groups?.find((group) => group.id === id)?.name ?? id;
  return (
    <dl className="grid grid-cols-[140px_1fr] gap-x-3 gap-y-2 text-small max-sm:grid-cols-1 max-sm:gap-y-1">
      <Copyable label={connection.kind === "oidc" ? "Redirect address" : "Reply address"} text={connection.redirect_uri} />
      {connection.entity_id ? <Copyable label="Our entity id and metadata" text={connection.entity_id} /> : null}
      {connection.kind === "oidc" ? <><dt className="text-muted">Client</dt><dd className="[overflow-wrap:anywhere]">{connection.client_id || "–"}{connection.has_secret ? "" : ", without a secret"}</dd></> : null}
      <dt className="text-muted">Domains</dt>
      <dd>{connection.domains.length ? <ul>{connection.domains.map((one) => <li key={one.domain as string}>{one.domain as string} <span className={one.approved ? "text-succeeded" : "text-waiting"}>{one.approved ? "approved" : "waits for an operator of this server to approve it"}</span></li>)}</ul> : "None: only people who are linked come in."}</dd>
      <dt className="text-muted">Who comes in as what</dt>
      <dd><ul>{connection.mapping.map((rule) => <li key={rule.group} className="[overflow-wrap:anywhere]">{rule.group}: {rule.role ? nameOfRole(rule.role) : "no role by itself"}{rule.groups.length ? `, in ${rule.groups.map(nameOfGroup).join(", ")}` : ""}</li>)}<li>Everybody else: {connection.default_role ? nameOfRole(connection.default_role) : "not let in"}</li></ul></dd>
    </dl>
  );
}
