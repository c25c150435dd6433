"use client";
import { useState } from "react";
import { LuBot, LuChevronRight, LuPencil, LuPlus, LuTrash2 } from "react-icons/lu";
import { RoleSelect } from "@/components/people/RoleSelect";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Switch, TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { toast } from "@/components/ui/Toast";
import { useRoles } from "@/lib/api/resources/people";
import { useServiceAccountActions, useServiceAccounts } from "@/lib/api/resources/tokens";
import type { Role, ServiceAccount } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";
import { TokenList } from "./TokenList";

export function ServiceAccounts() {
  const { can } = useSession();
  const list = useServiceAccounts();
  const roles = useRoles(can("role.view"));
  const [adding, setAdding] = useState(false);
  const may = can("service_account.edit");
  const add = may ? <Button size="small" look="primary" icon={LuPlus} onClick={() => setAdding(true)}>New service account</Button> : null;
  return (
    <Card flush title="Service accounts" note="They sign in nowhere and belong to nobody: programs use their tokens, and they stay when people leave." action={list.items?.length ? add : null}>
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={2} label="Loading service accounts" /> : null}
      {list.items?.length === 0 ? <Empty icon={LuBot} title="No service accounts yet" action={add}>Make one for a program that is nobody’s own, for example the ticket system that starts an agent.</Empty> : null}
      <ul className="divide-y divide-border">{list.items?.map((account) => <AccountRow key={account.id} account={account} roles={roles.items} may={may} />)}</ul>
      {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      {adding ? <AccountForm roles={roles.items} onClose={() => setAdding(false)} /> : null}
    </Card>
  );
}

function AccountRow({ account, roles, may }: { account: ServiceAccount; roles: Role[] | undefined; may: boolean }) {
  const [open, setOpen] = useState(false);
  const [doing, setDoing] = useState<"edit" | "delete" | null>(null);
  const actions = useServiceAccountActions();
  const toggle = useSaving(async () => { await actions.edit(account.id, { enabled: !account.enabled }); });
  const role = roles?.find((one) => one.id === account.role);
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left outline-offset-[-2px] hover:bg-surface">
        <LuChevronRight size={16} aria-hidden className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open && "rotate-90")} />
        <span className="min-w-0 flex-1 font-medium [overflow-wrap:anywhere]">{account.name}</span>
        {account.enabled ? null : <Tag tone="waiting">switched off</Tag>}
        <span className="shrink-0 text-small text-muted">{roleWords(account.role_name).name}</span>
      </button>
      {open ? (
        <div className="border-t border-border">
          <TokenList account={account.id} held={role?.permissions ?? []} whose={account.name} mayEdit={may && account.enabled} />
          {may ? (
            <div className="flex flex-col gap-2 border-t border-border bg-surface px-4 py-3">
              <ProblemNote problem={toggle.problem} title="Not changed." />
              <div className="flex flex-wrap items-center gap-2">
                <Switch label={account.enabled ? "Switched on" : "Switched off: its tokens are refused"} checked={account.enabled} disabled={toggle.busy} onChange={() => toggle.submit()} />
                <span className="flex-1" />
                <Button size="small" icon={LuPencil} onClick={() => setDoing("edit")}>Change name or role</Button>
                <Button size="small" look="danger" icon={LuTrash2} onClick={() => setDoing("delete")}>Delete</Button>
              </div>
            </div>
          ) : null}
        </div>
      ) : null}
      {doing === "edit" ? <AccountForm account={account} roles={roles} onClose={() => setDoing(null)} /> : null}
      <Confirm open={doing === "delete"} onClose={() => setDoing(null)} title={`Delete ${account.name}?`} act="Delete service account" text="Its tokens are refused from the next request on, and its runs stop. What it made stays." onConfirm={async () => { await actions.remove(account.id); toast("Service account deleted"); }} />
    </li>
  );
}

function AccountForm({ account, roles, onClose }: { account?: ServiceAccount; roles: Role[] | undefined; onClose: () => void }) {
  const actions = useServiceAccountActions();
  const [name, setName] = useState(account?.name ?? "");
  const [role, setRole] = useState(account?.role ?? "user");
  const { busy, problem, submit } = useSaving(async () => {
    if (account) await actions.edit(account.id, { ...(name.trim() === account.name ? {} : { name: name.trim() }), ...(role === account.role ? {} : { role }) });
    else await actions.create(name.trim(), role);
    toast(account ? "Saved" : `${name.trim()} is there. Open it to make a token.`);
    onClose();
  });
  return (
    <Dialog open onClose={onClose} title={account ? `Change ${account.name}` : "New service account"} footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => submit()}>{account ? "Save" : "Make it"}</Button></>}>
      <form className="flex flex-col gap-4" onSubmit={submit}>
        <TextInput label="Name" autoFocus maxLength={120} value={name} onChange={(event) => setName(event.target.value)} placeholder="Ticket system" error={problem?.field("name")} />
        <RoleSelect label="Role" roles={roles} value={role} valueName={account?.role_name} onChange={setRole} error={problem?.field("role")} explain />
        {problem && !problem.field("name") && !problem.field("role") ? <ProblemNote problem={problem} /> : null}
        <button type="submit" hidden aria-hidden tabIndex={-1} />
      </form>
    </Dialog>
  );
}
