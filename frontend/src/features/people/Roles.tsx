"use client";
import { useState } from "react";
import { LuChevronRight, LuCopyPlus, LuPencil, LuPlus, LuTrash2 } from "react-icons/lu";
import { RightsGrid } from "@/components/rights/RightsGrid";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { toProblem } from "@/lib/api/problem";
import { useRoleActions, useRoles } from "@/lib/api/resources/people";
import type { Role } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { useSaving } from "@/lib/forms/use-saving";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";

type Editing = { role: Role | null; etag: string; from: Role | null };

export function Roles() {
  const { can } = useSession();
  const list = useRoles();
  const [editing, setEditing] = useState<Editing | null>(null);
  const actions = useRoleActions();
  const may = can("role.edit");
  const builtIn = list.items?.filter((role) => role.built_in) ?? [];
  const own = list.items?.filter((role) => !role.built_in) ?? [];
  const all = [...new Set(list.items?.flatMap((role) => role.permissions) ?? [])];
  const change = async (id: string) => {
    try { const { value, etag } = await actions.read(id); setEditing({ role: value, etag, from: value }); } catch (error) { toast(`Not opened: ${toProblem(error).detail}`); }
  };
  const rows = (roles: Role[]) => <ul className="divide-y divide-border">{roles.map((role) => <RoleRow key={role.id} role={role} all={all} may={may} onEdit={() => void change(role.id)} onCopy={() => setEditing({ role: null, etag: "", from: role })} />)}</ul>;
  if (list.problem) return <Card flush><ProblemPanel problem={list.problem} onRetry={list.retry} /></Card>;
  return (
    <>
      <Card flush title="Built-in roles" note="They are the same everywhere and cannot be changed.">{list.loading ? <SkeletonRows rows={6} label="Loading roles" /> : rows(builtIn)}</Card>
      <Card flush title="Your own roles" note="For what lies between, for example somebody who runs agents and reads the audit log." action={may ? <Button size="small" look="primary" icon={LuPlus} onClick={() => setEditing({ role: null, etag: "", from: null })}>New role</Button> : null}>
        {list.loading ? <SkeletonRows rows={1} label="Loading roles" /> : null}
        {list.items && !own.length ? <p className="px-4 py-4 text-small text-muted">{may ? "There are none yet. Make one anew, or from a copy of a built-in one." : "There are none. An owner or admin of this workspace can make some."}</p> : rows(own)}
      </Card>
      {editing ? <RoleForm editing={editing} all={all} onClose={() => setEditing(null)} /> : null}
    </>
  );
}

function RoleRow({ role, all, may, onEdit, onCopy }: { role: Role; all: string[]; may: boolean; onEdit: () => void; onCopy: () => void }) {
  const [open, setOpen] = useState(false);
  const [removing, setRemoving] = useState(false);
  const actions = useRoleActions();
  const words = roleWords(role.id);
  const name = role.built_in ? words.name : role.name;
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left outline-offset-[-2px] hover:bg-surface">
        <LuChevronRight size={16} aria-hidden className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open && "rotate-90")} />
        <span className="min-w-0 flex-1"><span className="block font-medium [overflow-wrap:anywhere]">{name}</span><span className="block text-small text-muted [overflow-wrap:anywhere]">{role.built_in ? `Can ${words.text}.` : role.description || plural(role.permissions.length, "permission")}</span></span>
        {role.members === null ? null : <span className="tabular shrink-0 text-small text-muted">{plural(role.members, "person", "people")}</span>}
      </button>
      {open ? (
        <div className="flex flex-col gap-3 border-t border-border bg-surface px-4 py-3">
          <div className="rounded-control bg-raised"><RightsGrid offered={all} value={role.permissions} /></div>
          {may ? (
            <div className="flex flex-wrap gap-2">
              {role.built_in ? null : <Button size="small" icon={LuPencil} onClick={onEdit}>Change</Button>}
              <Button size="small" icon={LuCopyPlus} onClick={onCopy}>New role from this</Button>
              {role.built_in ? null : <Button size="small" look="danger" icon={LuTrash2} onClick={() => setRemoving(true)}>Delete role</Button>}
            </div>
          ) : null}
        </div>
      ) : null}
      <Confirm open={removing} onClose={() => setRemoving(false)} title={`Delete ${name}?`} act="Delete role" text="Only a role that nobody has can be deleted. Give its people another one first." onConfirm={async () => { await actions.remove(role.id); toast("Role deleted"); }} />
    </li>
  );
}

function RoleForm({ editing, all, onClose }: { editing: Editing; all: string[]; onClose: () => void }) {
  const { role, etag, from } = editing;
  const { workspace } = useSession();
  const [name, setName] = useState(role?.name ?? "");
  const [description, setDescription] = useState(role?.description ?? "");
  const [permissions, setPermissions] = useState<string[]>(from?.permissions ?? ["workspace.view", "member.view", "group.view", "role.view"].filter((one) => all.includes(one)));
  const actions = useRoleActions();
  const { busy, problem, submit } = useSaving(async () => {
    const input = { name: name.trim(), description: description.trim(), permissions };
    await (role ? actions.edit(role.id, input, etag) : actions.create(input));
    toast(role ? "Saved. It holds for everybody who has the role." : `${input.name} can be given now`);
    onClose();
  });
  const mine = workspace?.permissions ?? [];
  const beyond = all.filter((one) => !mine.includes(one));
  return (
    <Dialog wide open onClose={onClose} title={role ? `Change ${role.name}` : "New role"} description={role?.members ? `${plural(role.members, "person has", "people have")} it; what you take away, they lose at once.` : undefined} footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => submit()}>{role ? "Save" : "Make role"}</Button></>}>
      <form className="flex flex-col gap-4" onSubmit={submit}>
        <TextInput label="Name" autoFocus maxLength={60} value={name} onChange={(event) => setName(event.target.value)} placeholder="Night shift" error={problem?.field("name")} />
        <TextInput label="What it is for" maxLength={300} value={description} onChange={(event) => setDescription(event.target.value)} placeholder="Optional" error={problem?.field("description")} />
        <div>
          <p className="mb-1.5 text-small font-medium">What it may do{beyond.length ? <span className="font-normal text-muted"> · what you may not do yourself, you cannot give</span> : null}</p>
          <RightsGrid offered={all} value={permissions} onChange={setPermissions} locked={(permission) => !mine.includes(permission)} />
        </div>
        {problem?.field("permissions") ? <p role="alert" className="text-small text-failed">{problem.field("permissions")}</p> : null}
        {problem && !["name", "description", "permissions"].some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
        <button type="submit" hidden aria-hidden tabIndex={-1} />
      </form>
    </Dialog>
  );
}
