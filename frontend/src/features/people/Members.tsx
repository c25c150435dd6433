"use client";
import { useDeferredValue, useState } from "react";
import { LuEllipsis, LuUserMinus, LuUserPlus, LuUsers } from "react-icons/lu";
import { nameOf, PersonName } from "@/components/people/PersonName";
import { RoleSelect } from "@/components/people/RoleSelect";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Menu, MenuItem } from "@/components/ui/Menu";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useMemberActions, useMembers, useRoles } from "@/lib/api/resources/people";
import type { Member, Role } from "@/lib/api/types";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";
import { Invitations } from "./Invitations";
import { Invite } from "./Invite";

const FEW = 8;

export function Members() {
  const { can, me } = useSession();
  const list = useMembers();
  const roles = useRoles(can("role.view"));
  const [search, setSearch] = useState("");
  const [inviting, setInviting] = useState(false);
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const shown = list.items?.filter((member) => !wanted || `${member.user.name} ${member.user.email} ${member.role_name}`.toLowerCase().includes(wanted));
  const may = can("member.edit");
  return (
    <>
      <Card
        flush title="Members" note={may ? "Who is in this workspace, and as what." : "Owners and admins invite people and give roles."}
        action={can("invitation.create") ? <Button size="small" look="primary" icon={LuUserPlus} onClick={() => setInviting(true)}>Invite</Button> : null}
      >
        {(list.items?.length ?? 0) > FEW ? <div className="border-b border-border p-3"><TextInput label="Search members" hideLabel type="search" placeholder="Search members" value={search} onChange={(event) => setSearch(event.target.value)} /></div> : null}
        {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
        {list.loading ? <SkeletonRows rows={4} label="Loading members" /> : null}
        {shown?.length === 0 ? <Empty icon={LuUsers} title={`Nobody matches “${search}”`} action={<Button size="small" onClick={() => setSearch("")}>Clear search</Button>} /> : null}
        <ul className="divide-y divide-border">{shown?.map((member) => <MemberRow key={member.id} member={member} roles={roles.items} mine={member.user.id === me?.id} />)}</ul>
        {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      </Card>
      {can("invitation.view") ? <Invitations roles={roles.items} onInvite={() => setInviting(true)} /> : null}
      {inviting ? <Invite roles={roles.items} onClose={() => setInviting(false)} /> : null}
    </>
  );
}

function MemberRow({ member, roles, mine }: { member: Member; roles: Role[] | undefined; mine: boolean }) {
  const { can, reload } = useSession();
  const actions = useMemberActions();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [removing, setRemoving] = useState(false);
  const name = nameOf(member.user);
  const setRole = async (role: string) => {
    setBusy(true);
    setProblem(null);
    try {
      await actions.setRole(member.id, role);
      toast(`${name} is now ${(roles?.find((one) => one.id === role)?.built_in ? roleWords(role).name : roles?.find((one) => one.id === role)?.name) ?? role}`);
      if (mine) await reload();
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return (
    <li className="px-4 py-2.5">
      <div className="flex min-h-11 items-center gap-3 max-sm:flex-wrap">
        <PersonName person={member.user} className="flex-1 max-sm:basis-full" aside={<>{mine ? <Tag tone="accent">you</Tag> : null}{member.active ? null : <Tag>switched off</Tag>}</>} />
        <span className="text-small text-muted max-lg:hidden">since <Time at={member.created_at} /></span>
        {can("member.edit") ? <div className="w-36 shrink-0 max-sm:flex-1"><RoleSelect hideLabel label={`Role of ${name}`} roles={roles} value={member.role} valueName={member.role_name} disabled={busy} onChange={(role) => void setRole(role)} /></div> : <span className="text-small">{roleWords(member.role_name).name}</span>}
        {can("member.remove") ? <Menu trigger={<IconButton icon={LuEllipsis} label={`More for ${name}`} />}><MenuItem icon={LuUserMinus} danger onSelect={() => setRemoving(true)}>{mine ? "Leave this workspace" : "Remove from workspace"}</MenuItem></Menu> : null}
      </div>
      {problem ? <div className="mt-2"><ProblemNote problem={problem} title="Not changed." /></div> : null}
      <Confirm
        open={removing} onClose={() => setRemoving(false)} title={mine ? "Leave this workspace?" : `Remove ${name}?`} act={mine ? "Leave" : "Remove"}
        text={`${mine ? "You lose" : "They lose"} access at once: runs stop, tokens die, and what was shared with ${mine ? "you" : "them"} is taken back. Agents and chats stay.`}
        onConfirm={async () => { await actions.remove(member.id); toast(mine ? "You left the workspace" : `${name} was removed`); if (mine) await reload(); }}
      />
    </li>
  );
}
