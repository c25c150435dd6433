"use client";
import { useState } from "react";
import { Button, ButtonLink } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { doorActions } from "@/lib/api/resources/doors";
import { toProblem, type Problem } from "@/lib/api/problem";
import { clearHash, useHash } from "@/lib/route/use-hash";
import { endSession } from "@/lib/session/token";
import { DoorCard, DoorNews } from "./DoorCard";
import { LinkGone } from "./LinkGone";

export function ResetPassword() {
  const token = useHash("token");
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await doorActions.setPassword(token ?? "", password);
      setDone(true);
      clearHash();
      endSession(); // all sign-ins ended with the old password, this browser's too
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  if (token === null) return null;
  if (done) return <DoorCard title="Your password is changed"><DoorNews action={<ButtonLink href="/sign-in/" look="primary">Sign in</ButtonLink>}>You are signed out everywhere. Sign in with the new password.</DoorNews></DoorCard>;
  if (!token || problem?.field("token")) return <LinkGone title="This link is over" text={problem?.field("token") ?? "The address has no link in it. Open the link from the mail once more."} action={<ButtonLink href="/forgot-password/" look="primary">Ask for a new link</ButtonLink>} />;
  return (
    <DoorCard title="Choose a new password" text="Afterwards you are signed out everywhere.">
      <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <TextInput label="New password" type="password" name="password" autoComplete="new-password" required minLength={10} autoFocus value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password")} hint="A few words you can remember work well." />
        {problem && !problem.field("password") ? <ProblemNote problem={problem} /> : null}
        <Button type="submit" look="primary" busy={busy} className="h-10">Change password</Button>
      </form>
    </DoorCard>
  );
}
