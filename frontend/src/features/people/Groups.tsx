"use client";
import { useState } from "react";
import { LuChevronRight, LuPencil, LuPlus, LuTrash2, LuUsersRound, LuX } from "react-icons/lu";
import { nameOf, PersonName } from "@/components/people/PersonName";
import { Button, IconButton } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Select, TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, Skeleton, SkeletonRows } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useGroupActions, useGroupMembers, useGroups, useMembers } from "@/lib/api/resources/people";
import type { Group } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";

export function Groups() {
  const { can } = useSession();
  const list = useGroups();
  const [adding, setAdding] = useState(false);
  const may = can("group.edit");
  const add = may ? <Button size="small" look="primary" icon={LuPlus} onClick={() => setAdding(true)}>New group</Button> : null;
  return (
    <Card flush title="Groups" note="Share an agent, a chat or a provider with several people at once." action={list.items?.length ? add : null}>
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={3} label="Loading groups" /> : null}
      {list.items?.length === 0 ? <Empty icon={LuUsersRound} title="No groups yet" action={add}>{may ? "Make one, for example “Sales”, and share with all of it." : "An owner or admin of this workspace makes them."}</Empty> : null}
      <ul className="divide-y divide-border">{list.items?.map((group) => <GroupRow key={group.id} group={group} may={may} />)}</ul>
      {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      {adding ? <GroupForm onClose={() => setAdding(false)} /> : null}
    </Card>
  );
}

function GroupRow({ group, may }: { group: Group; may: boolean }) {
  const [open, setOpen] = useState(false);
  const [doing, setDoing] = useState<"delete" | { group: Group; etag: string } | null>(null);
  const actions = useGroupActions();
  const change = async () => {
    try { const { value, etag } = await actions.read(group.id); setDoing({ group: value, etag }); } catch (error) { toast(`Not opened: ${toProblem(error).detail}`); }
  };
  return (
    <li>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left outline-offset-[-2px] hover:bg-surface">
        <LuChevronRight size={16} aria-hidden className={cx("shrink-0 text-muted transition-transform duration-[120ms]", open && "rotate-90")} />
        <span className="min-w-0 flex-1"><span className="block font-medium [overflow-wrap:anywhere]">{group.name}</span>{group.description ? <span className="block text-small text-muted [overflow-wrap:anywhere]">{group.description}</span> : null}</span>
        <span className="tabular shrink-0 text-small text-muted">{plural(group.size, "person", "people")}</span>
      </button>
      {open ? (
        <div className="border-t border-border bg-surface px-4 py-3">
          <GroupPeople group={group} may={may} />
          {may ? <div className="mt-3 flex flex-wrap gap-2 border-t border-border pt-3"><Button size="small" icon={LuPencil} onClick={() => void change()}>Rename</Button><Button size="small" look="danger" icon={LuTrash2} onClick={() => setDoing("delete")}>Delete group</Button></div> : null}
        </div>
      ) : null}
      {doing && doing !== "delete" ? <GroupForm group={doing.group} etag={doing.etag} onClose={() => setDoing(null)} /> : null}
      <Confirm open={doing === "delete"} onClose={() => setDoing(null)} title={`Delete ${group.name}?`} act="Delete group" text="What was shared with the group is taken back from its people, unless they have it in another way. The people stay." onConfirm={async () => { await actions.remove(group.id); toast("Group deleted"); }} />
    </li>
  );
}

function GroupPeople({ group, may }: { group: Group; may: boolean }) {
  const list = useGroupMembers(group.id);
  const members = useMembers(may);
  const actions = useGroupActions();
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async (work: Promise<unknown>) => {
    setProblem(null);
    try { await work; list.retry(); } catch (error) { setProblem(toProblem(error)); }
  };
  if (list.problem) return <ProblemPanel problem={list.problem} onRetry={list.retry} />;
  if (!list.items) return <Skeleton className="h-5 w-48" />;
  const inside = new Set(list.items.map((person) => person.id));
  const outside = members.items?.filter((member) => !inside.has(member.user.id)) ?? [];
  return (
    <div className="flex flex-col gap-2">
      {list.items.length === 0 ? <p className="text-small text-muted">Nobody is in it yet.</p> : null}
      <ul className="flex flex-col gap-1">
        {list.items.map((person) => (
          <li key={person.id} className="flex min-h-9 items-center gap-2">
            <PersonName person={person} className="flex-1 text-small" />
            {may ? <IconButton icon={LuX} label={`Take ${nameOf(person)} out of ${group.name}`} onClick={() => void change(actions.take(group.id, person.id))} /> : null}
          </li>
        ))}
      </ul>
      {list.hasMore ? <Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button> : null}
      <ProblemNote problem={problem} />
      {may && outside.length ? (
        <Select label={`Add somebody to ${group.name}`} hideLabel value="" onChange={(event) => { if (event.target.value) void change(actions.add(group.id, event.target.value)); }}>
          <option value="">Add somebody</option>
          {outside.map((member) => <option key={member.user.id} value={member.user.id}>{nameOf(member.user)}{member.user.name ? ` (${member.user.email})` : ""}</option>)}
        </Select>
      ) : null}
      {may && members.items && !outside.length && list.items.length ? <p className="text-small text-muted">Everybody in this workspace is in it.</p> : null}
    </div>
  );
}

function GroupForm({ group, etag = "", onClose }: { group?: Group; etag?: string; onClose: () => void }) {
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const actions = useGroupActions();
  const { busy, problem, submit } = useSaving(async () => {
    if (group) await actions.edit(group.id, { name: name.trim(), description: description.trim() }, etag); else await actions.create(name.trim(), description.trim());
    toast(group ? "Saved" : `${name.trim()} is there. Open it to add people.`);
    onClose();
  });
  return (
    <Dialog open onClose={onClose} title={group ? `Rename ${group.name}` : "New group"} footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => submit()}>{group ? "Save" : "Make group"}</Button></>}>
      <form className="flex flex-col gap-4" onSubmit={submit}>
        <TextInput label="Name" autoFocus maxLength={120} value={name} onChange={(event) => setName(event.target.value)} placeholder="Sales" error={problem?.field("name")} />
        <TextInput label="What it is for" maxLength={300} value={description} onChange={(event) => setDescription(event.target.value)} placeholder="Optional" error={problem?.field("description")} />
        {problem && !problem.field("name") && !problem.field("description") ? <ProblemNote problem={problem} /> : null}
        <button type="submit" hidden aria-hidden tabIndex={-1} />
      </form>
    </Dialog>
  );
}
