"use client";
import { useState } from "react";
import { Button, ButtonLink } from "@/components/ui/Button";
import { ProblemNote } from "@/components/ui/Panels";
import { doorActions } from "@/lib/api/resources/doors";
import { toProblem, type Problem } from "@/lib/api/problem";
import { clearHash, useHash } from "@/lib/route/use-hash";
import { endSession } from "@/lib/session/token";
import { DoorCard, DoorNews } from "./DoorCard";
import { LinkGone } from "./LinkGone";

export function ConfirmEmail() {
  const token = useHash("token");
  const [done, setDone] = useState<boolean | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const confirm = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const answer = await doorActions.confirmEmail(token ?? "");
      setDone(answer.done);
      clearHash();
      if (answer.done) endSession(); // all sign-ins ended with the old address
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  if (token === null) return null;
  if (done === true) return <DoorCard title="Your address is changed"><DoorNews action={<ButtonLink href="/sign-in/" look="primary">Sign in</ButtonLink>}>From now on you sign in with the new one.</DoorNews></DoorCard>;
  if (done === false) return <DoorCard title="Half of it is done"><DoorNews>Now open the link in the mail at your other address too. Until then you sign in with the old one.</DoorNews></DoorCard>;
  if (!token || problem?.field("token")) return <LinkGone title="This link is over" text={problem?.field("token") ?? "The address has no link in it. Open the link from the mail once more."} action={<ButtonLink href="/settings/profile/">Go to your profile</ButtonLink>} />;
  return (
    <DoorCard title="Change your e-mail address" text="Somebody asked to sign in to your account with another address.">
      <div className="flex flex-col gap-4">
        <p className="text-body">If that was you, confirm it here. If not, close this page: nothing changes without you.</p>
        <ProblemNote problem={problem} />
        <Button look="primary" busy={busy} className="h-10" onClick={() => void confirm()}>Confirm the change</Button>
      </div>
    </DoorCard>
  );
}
