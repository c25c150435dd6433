"use client";
// Signing in: by password or through one's organisation, then the second factor of those who have one.
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { FactorForm } from "@/components/factor/FactorForm";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { askedIn, type Asked } from "@/lib/factor/factor";
import { doorTo, SIGN_IN } from "@/lib/route/doors";
import { nextHere, safeNext } from "@/lib/route/safe-next";
import { useHash } from "@/lib/route/use-hash";
import { useSingleSignOn } from "@/lib/session/set-up-state";
import { signIn, signInWithFactor } from "@/lib/session/sign-in";
import { useSession } from "@/lib/session/SessionProvider";
import { whyNot } from "@/lib/sso/returned";
import { forgetReturn, useReturn } from "@/lib/sso/use-return";
import { DoorCard } from "./DoorCard";
import { FindSso, SsoWays, waysIn, type WaysDue } from "./SsoSignIn";

export function SignIn() {
  const { phase, enter } = useSession();
  const router = useRouter();
  const mailed = useHash("email"); // the mail to whoever needs no password names the address
  const [typed, setEmail] = useState<string | null>(null);
  const email = typed ?? mailed ?? "";
  const [ownAsked, setAsked] = useState<Asked | null>(null);
  const [due, setDue] = useState<WaysDue | null>(null);
  const back = useReturn();
  const asked = ownAsked ?? (back?.what === "factor" ? back.asked : null);

  useEffect(() => { if (back?.what === "failed" || back?.what === "factor") history.replaceState(history.state, "", doorTo(SIGN_IN, safeNext(back.next))); }, [back]);

  useEffect(() => { if (phase === "ready") router.replace(nextHere()); }, [phase, router]);

  if (asked) {
    return (
      <DoorCard title="One more step" text="That was right. Now prove that it is you with your second factor.">
        <FactorForm asked={asked} act="Sign in" onAgain={() => { setAsked(null); forgetReturn(); }} onAnswer={async (method, response) => enter(await signInWithFactor(asked.challenge, method, response))} />
      </DoorCard>
    );
  }
  if (due) {
    return (
      <DoorCard title="Sign in with your organisation" text="Your workspace asks people with your address to come in this way. Passwords are not accepted.">
        <SsoWays {...due} />
        <button type="button" className="mt-4 text-small text-muted underline underline-offset-4" onClick={() => setDue(null)}>Back</button>
      </DoorCard>
    );
  }
  return (
    <DoorCard title="Sign in">
      {back?.what === "failed" ? <p role="alert" className="mb-4 rounded-control border border-failed bg-removed-bg px-3 py-2 text-small">{whyNot(back.code)}</p> : null}
      <WithPassword email={email} onEmail={setEmail} onAsked={setAsked} onDue={setDue} />
    </DoorCard>
  );
}

type Props = { email: string; onEmail: (email: string) => void; onAsked: (asked: Asked) => void; onDue: (due: WaysDue) => void };

function WithPassword({ email, onEmail, onAsked, onDue }: Props) {
  const { problem: unreachable, enter } = useSession();
  const offersSso = useSingleSignOn();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try { await enter(await signIn(email.trim(), password)); } catch (error) {
      const refused = toProblem(error);
      const factor = askedIn(refused);
      const elsewhere = waysIn(refused);
      if (factor) return onAsked(factor);
      if (elsewhere) return onDue(elsewhere);
      setProblem(refused);
      setBusy(false);
    }
  };
  const wrong = problem?.code === "wrong_credentials";
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <TextInput label="Email" type="email" name="email" autoComplete="username" required value={email} onChange={(event) => onEmail(event.target.value)} error={problem?.field("email")} autoFocus />
      <TextInput label="Password" type="password" name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password") ?? (wrong ? "Email or password is not right." : null)} />
      {problem && !wrong && !problem.errors.length ? <ProblemNote problem={problem} /> : <ProblemNote problem={unreachable} />}
      <Button type="submit" look="primary" busy={busy} className="h-10">Sign in</Button>
      {offersSso ? <FindSso email={email} /> : null}
      <p className="flex flex-col gap-1 text-small text-muted"><Link href={`/forgot-password/${email.trim() ? `#email=${encodeURIComponent(email.trim())}` : ""}`} className="self-start text-accent underline-offset-4 hover:underline">Forgot your password?</Link><span>No account? Ask an owner of your workspace to invite you.</span></p>
    </form>
  );
}
