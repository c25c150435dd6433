"use client";
import { useState } from "react";
import { nameOf } from "@/components/people/PersonName";
import { Button } from "@/components/ui/Button";
import { Select } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { useGroups, useMembers } from "@/lib/api/resources/people";
import { useSharingActions } from "@/lib/api/resources/sharing";
import { useServiceAccounts } from "@/lib/api/resources/tokens";
import type { Level } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";
import type { Shared } from "./SharingDialog";
import { levels, levelWords } from "./sharing-words";

/** Chooses a person, a group or a service account, and what they can do. */
export function ShareWith({ shared, taken }: { shared: Shared; taken: string[] }) {
  const { can, me } = useSession();
  const members = useMembers(can("member.view"));
  const groups = useGroups(can("group.view"));
  const accounts = useServiceAccounts(can("service_account.view"));
  const actions = useSharingActions(shared.object);
  const [whom, setWhom] = useState("");
  const [level, setLevel] = useState<Level>("run");
  const free = (id: string) => !taken.includes(id) && id !== me?.id;
  const people = members.items?.filter((member) => free(member.user.id) && member.active) ?? [];
  const teams = groups.items?.filter((group) => free(group.id)) ?? [];
  const programs = accounts.items?.filter((account) => free(account.id)) ?? [];
  const { busy, problem, submit } = useSaving(async () => {
    const made = await actions.give(whom, level);
    setWhom("");
    toast(`Shared with ${made.name || made.email || "them"}`);
  });
  if (members.items && !people.length && !teams.length && !programs.length) return <p className="text-small text-muted">There is nobody else here to share it with{taken.length ? "." : ". Invite people under Settings, Members."}</p>;
  return (
    <form onSubmit={submit} className="flex flex-col gap-2">
      <div className="flex items-end gap-2 max-sm:flex-wrap">
        <div className="min-w-0 flex-1 max-sm:basis-full">
          <Select label="Share with" value={whom} onChange={(event) => setWhom(event.target.value)} error={problem?.field("grantee")}>
            <option value="">Choose a person or a group</option>
            {teams.length ? <optgroup label="Groups">{teams.map((group) => <option key={group.id} value={group.id}>{group.name}</option>)}</optgroup> : null}
            {people.length ? <optgroup label="People">{people.map((member) => <option key={member.user.id} value={member.user.id}>{nameOf(member.user)}{member.user.name ? ` (${member.user.email})` : ""}</option>)}</optgroup> : null}
            {programs.length ? <optgroup label="Service accounts">{programs.map((account) => <option key={account.id} value={account.id}>{account.name}</option>)}</optgroup> : null}
          </Select>
        </div>
        <div className="w-36 max-sm:flex-1"><Select label="They" value={level} onChange={(event) => setLevel(event.target.value as Level)}>{levels.map((one) => <option key={one} value={one}>{levelWords(shared.kind, one).name}</option>)}</Select></div>
        <Button type="submit" look="primary" busy={busy} disabled={!whom} className="max-md:h-11">Share</Button>
      </div>
      <p className="text-small text-muted">{levelWords(shared.kind, level).name}: {levelWords(shared.kind, level).text}.{members.hasMore ? <> <button type="button" className="text-accent underline underline-offset-4" onClick={members.loadMore}>List more people</button></> : null}</p>
      {problem && !problem.field("grantee") ? <ProblemNote problem={problem} /> : null}
    </form>
  );
}
