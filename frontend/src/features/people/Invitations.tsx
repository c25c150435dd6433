"use client";
import { useState } from "react";
import { LuEllipsis, LuLink, LuMail, LuSend, LuTrash2 } from "react-icons/lu";
import { nameOf } from "@/components/people/PersonName";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { Card } from "@/components/ui/Page";
import { ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useInvitationActions, useInvitations } from "@/lib/api/resources/people";
import type { Invitation, InvitationMade, Role } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";
import { InvitationLink } from "./InvitationLink";

export function Invitations({ roles, onInvite }: { roles: Role[] | undefined; onInvite: () => void }) {
  const { can } = useSession();
  const list = useInvitations(true);
  const [sent, setSent] = useState<InvitationMade | null>(null);
  return (
    <Card flush title="Open invitations" note="Not accepted yet. Each ends by itself.">
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={2} label="Loading invitations" /> : null}
      {list.items?.length === 0 ? <p className="px-4 py-4 text-small text-muted">Nobody is invited at the moment.{can("invitation.create") ? <> <button type="button" className="text-accent underline underline-offset-4" onClick={onInvite}>Invite somebody</button></> : null}</p> : null}
      <ul className="divide-y divide-border">{list.items?.map((one) => <InvitationRow key={one.id} invitation={one} roles={roles} onSent={setSent} />)}</ul>
      {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      {sent ? <InvitationLink made={sent} onClose={() => setSent(null)} /> : null}
    </Card>
  );
}

function InvitationRow({ invitation, roles, onSent }: { invitation: Invitation; roles: Role[] | undefined; onSent: (made: InvitationMade) => void }) {
  const { can } = useSession();
  const actions = useInvitationActions();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [revoking, setRevoking] = useState(false);
  const byMail = invitation.kind === "email";
  const what = byMail ? invitation.email : `Link${invitation.domain ? ` for ${invitation.domain}` : ""}`;
  const role = roles?.find((one) => one.id === invitation.role);
  const resend = async () => {
    setProblem(null);
    try {
      const made = await actions.resend(invitation.id);
      if (made.link) onSent(made); else toast(`Sent again to ${invitation.email}`);
    } catch (error) { setProblem(toProblem(error)); }
  };
  const Icon = byMail ? LuMail : LuLink;
  return (
    <li className="px-4 py-2.5">
      <div className="flex min-h-11 items-center gap-3">
        <Icon size={20} aria-hidden className="shrink-0 text-muted" />
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-x-2"><span className="font-medium [overflow-wrap:anywhere]">{what}</span><Tag>{role && !role.built_in ? role.name : roleWords(invitation.role).name}</Tag></p>
          <p className="text-small text-muted">{byMail ? "" : `${plural(invitation.uses_left, "use")} left${invitation.used ? `, ${invitation.used} used` : ""} · `}from {nameOf(invitation.invited_by)} · ends <Time at={invitation.expires_at} /></p>
        </div>
        <Menu trigger={<IconButton icon={LuEllipsis} label={`More for the invitation ${byMail ? `of ${what}` : "by link"}`} />}>
          {can("invitation.create") ? <MenuItem icon={LuSend} onSelect={() => void resend()}>{byMail ? "Send again" : "Make a new link"}</MenuItem> : null}
          <MenuLine />
          {can("invitation.revoke") ? <MenuItem icon={LuTrash2} danger onSelect={() => setRevoking(true)}>Revoke</MenuItem> : null}
        </Menu>
      </div>
      {problem ? <div className="mt-2"><ProblemNote problem={problem} title="Not sent." /></div> : null}
      <Confirm open={revoking} onClose={() => setRevoking(false)} title="Revoke this invitation?" act="Revoke" text={byMail ? `The link that ${invitation.email} has stops working at once.` : "The link stops working at once, for everybody who has it."} onConfirm={async () => { await actions.revoke(invitation.id); toast("Invitation revoked"); }} />
    </li>
  );
}
