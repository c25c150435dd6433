"use client";
import axios from "axios";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { safeNext } from "@/lib/route/safe-next";
import { useSession } from "@/lib/session/SessionProvider";
import { CLIENT_HEADER, SESSION_PATH } from "@/lib/session/token";

export function SignIn() {
  const { phase, problem: unreachable, enter } = useSession();
  const router = useRouter();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  useEffect(() => {
    if (phase === "ready") router.replace(safeNext(new URLSearchParams(location.search).get("next")));
  }, [phase, router]);

  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const { data } = await axios.post<{ access: string; expires_in: number }>(SESSION_PATH, { email: email.trim(), password }, { headers: CLIENT_HEADER });
      await enter(data);
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const wrong = problem?.code === "wrong_credentials";
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <TextInput label="Email" type="email" name="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} error={problem?.field("email")} autoFocus />
      <TextInput label="Password" type="password" name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password") ?? (wrong ? "Email or password is not right." : null)} />
      {problem && !wrong && !problem.errors.length ? <ProblemNote problem={problem} /> : <ProblemNote problem={unreachable} />}
      <Button type="submit" look="primary" busy={busy} className="h-10">Sign in</Button>
      <p className="text-small text-muted">No account, or the password is lost? Ask an owner of your workspace.</p>
    </form>
  );
}
