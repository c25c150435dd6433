"use client";
import { useState } from "react";
import { Button, ButtonLink } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { doorActions } from "@/lib/api/resources/doors";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useHash } from "@/lib/route/use-hash";
import { DoorCard, DoorNews } from "./DoorCard";

export function ForgotPassword() {
  const carried = useHash("email"); // what was typed on the page before
  const [typed, setEmail] = useState<string | null>(null);
  const email = typed ?? carried ?? "";
  const [said, setSaid] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try { setSaid((await doorActions.askForPassword(email.trim())).detail); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  if (said) return <DoorCard title="Look into your mail"><DoorNews action={<ButtonLink href="/sign-in/">Back to sign in</ButtonLink>}>{said} The link works for half an hour.</DoorNews></DoorCard>;
  return (
    <DoorCard title="Forgot your password?" text="You get a mail with a link to choose a new one.">
      <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <TextInput label="Email" type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} error={problem?.field("email")} />
        {problem && !problem.field("email") ? <ProblemNote problem={problem} /> : null}
        <div className="flex flex-wrap gap-2"><Button type="submit" look="primary" busy={busy} className="flex-1">Send the link</Button><ButtonLink href="/sign-in/" look="quiet">Back to sign in</ButtonLink></div>
      </form>
    </DoorCard>
  );
}
