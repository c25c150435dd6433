"use client";
// Signing in: the password, then the second factor of those who have one.
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { FactorForm } from "@/components/factor/FactorForm";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { askedIn, type Asked } from "@/lib/factor/factor";
import { nextHere } from "@/lib/route/safe-next";
import { signIn, signInWithFactor } from "@/lib/session/sign-in";
import { useSession } from "@/lib/session/SessionProvider";
import { DoorCard } from "./DoorCard";

export function SignIn() {
  const { phase, enter } = useSession();
  const router = useRouter();
  const [email, setEmail] = useState("");
  const [asked, setAsked] = useState<Asked | null>(null);

  useEffect(() => { if (phase === "ready") router.replace(nextHere()); }, [phase, router]);

  if (asked) {
    return (
      <DoorCard title="One more step" text="Your password is right. Now prove that it is you.">
        <FactorForm asked={asked} act="Sign in" onAgain={() => setAsked(null)} onAnswer={async (method, response) => enter(await signInWithFactor(asked.challenge, method, response))} />
      </DoorCard>
    );
  }
  return <DoorCard title="Sign in"><WithPassword email={email} onEmail={setEmail} onAsked={setAsked} /></DoorCard>;
}

function WithPassword({ email, onEmail, onAsked }: { email: string; onEmail: (email: string) => void; onAsked: (asked: Asked) => void }) {
  const { problem: unreachable, enter } = useSession();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try { await enter(await signIn(email.trim(), password)); } catch (error) {
      const refused = toProblem(error);
      const factor = askedIn(refused);
      if (factor) return onAsked(factor);
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
      <p className="flex flex-col gap-1 text-small text-muted"><Link href="/forgot-password/" className="self-start text-accent underline-offset-4 hover:underline">Forgot your password?</Link><span>No account? Ask an owner of your workspace to invite you.</span></p>
    </form>
  );
}
