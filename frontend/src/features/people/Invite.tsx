"use client";
import { useState } from "react";
import { RoleSelect } from "@/components/people/RoleSelect";
import { Button } from "@/components/ui/Button";
import { Choice, Tick, toggled } from "@/components/ui/Choices";
import { Dialog } from "@/components/ui/Dialog";
import { Select, TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { useGroups, useInvitationActions } from "@/lib/api/resources/people";
import type { InvitationMade, Role } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";
import { InvitationLink } from "./InvitationLink";

const fields = ["email", "role", "domain", "uses", "days", "groups"];

export function Invite({ roles, onClose }: { roles: Role[] | undefined; onClose: () => void }) {
  const { can } = useSession();
  const groups = useGroups(can("group.edit"));
  const actions = useInvitationActions();
  const [way, setWay] = useState<"email" | "link">("email");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("user");
  const [uses, setUses] = useState("10");
  const [domain, setDomain] = useState("");
  const [days, setDays] = useState("7");
  const [chosen, setChosen] = useState<string[]>([]);
  const [made, setMade] = useState<InvitationMade | null>(null);
  const { busy, problem, submit, forget } = useSaving(async () => {
    const shared = { role, days: Number(days), ...(chosen.length ? { groups: chosen } : {}) };
    const done = await actions.invite(way === "email" ? { ...shared, email: email.trim() } : { ...shared, uses: Number(uses), ...(domain.trim() ? { domain: domain.trim() } : {}) });
    if (done.link) return setMade(done);
    toast(`An invitation is on its way to ${done.email}`);
    onClose();
  });
  if (made) return <InvitationLink made={made} onClose={onClose} />;
  return (
    <Dialog open onClose={onClose} title="Invite" footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={way === "email" && !email.trim()} onClick={() => submit()}>{way === "email" ? "Invite" : "Make the link"}</Button></>}>
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
        <Choice legend="How" hideLegend value={way} onChange={(next) => { setWay(next); forget(); }} options={[{ value: "email", label: "One person, by e-mail" }, { value: "link", label: "Several people, by a link", text: "For a team chat or a wiki. Whoever has the link can come in." }]} />
        {way === "email" ? <TextInput label="Email" type="email" autoFocus autoComplete="off" maxLength={254} value={email} onChange={(event) => setEmail(event.target.value)} placeholder="name@example.com" error={problem?.field("email")} />
          : (
            <div className="grid gap-4 sm:grid-cols-2">
              <TextInput label="For how many" type="number" inputMode="numeric" min={1} max={1000} value={uses} onChange={(event) => setUses(event.target.value)} error={problem?.field("uses")} />
              <TextInput label="Only addresses at" autoComplete="off" spellCheck={false} value={domain} onChange={(event) => setDomain(event.target.value)} placeholder="example.com" error={problem?.field("domain")} hint="Optional." />
            </div>
          )}
        <RoleSelect label="Role" roles={roles} value={role} onChange={setRole} error={problem?.field("role")} explain />
        <Select label="Good for" value={days} onChange={(event) => setDays(event.target.value)} error={problem?.field("days")}><option value="1">A day</option><option value="7">A week</option><option value="30">30 days</option></Select>
        {groups.items?.length ? (
          <fieldset className="min-w-0"><legend className="text-small font-medium">Groups</legend>
            <div className="mt-1 grid max-h-36 grid-cols-2 gap-x-4 overflow-y-auto rounded-control border border-border px-3 py-1 max-sm:grid-cols-1">{groups.items.map((group) => <Tick key={group.id} label={group.name} checked={chosen.includes(group.id)} onChange={(on) => setChosen(toggled(chosen, group.id, on))} />)}</div>
          </fieldset>
        ) : null}
        {problem && !fields.some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}
