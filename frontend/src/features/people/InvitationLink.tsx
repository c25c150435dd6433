"use client";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { Dialog } from "@/components/ui/Dialog";
import type { InvitationMade } from "@/lib/api/types";
import { dayOf, plural } from "@/lib/format/format";

/** The link of an invitation, to be passed on by hand: it was mailed to nobody, and is not shown again. */
export function InvitationLink({ made, onClose }: { made: InvitationMade; onClose: () => void }) {
  const byMail = made.kind === "email";
  return (
    <Dialog
      open onClose={onClose} title={byMail ? `Pass this link on to ${made.email}` : "Your invitation link"} footer={<Button look="primary" onClick={onClose}>Done</Button>}
      description={byMail ? "This server sends no mail, so you send the link yourself. It is not shown again." : "Send it to those you mean. It is not shown again."}
    >
      <div className="flex items-center gap-2 rounded-control border border-border bg-surface py-2 pl-3 pr-2">
        <code className="min-w-0 flex-1 font-mono text-small [overflow-wrap:anywhere]">{made.link}</code>
        <CopyButton text={made.link ?? ""} label="Copy link" words />
      </div>
      <p className="mt-3 text-small text-muted">It lets in {byMail ? "one person" : plural(made.uses_left, "person", "people")} until {dayOf(made.expires_at)}.{made.domain ? ` Only addresses at ${made.domain}.` : ""}</p>
    </Dialog>
  );
}
