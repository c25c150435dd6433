"use client";
import axios from "axios";
import { useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { CLIENT_HEADER } from "@/lib/session/token";
import { clearHash, useHash } from "@/lib/route/use-hash";
import { useSession } from "@/lib/session/SessionProvider";

export function YouStep({ onDone }: { onDone: () => void }) {
  const { enter } = useSession();
  const linked = useHash("code") ?? "";
  const [typed, setTyped] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [workspace, setWorkspace] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const codeBox = useRef<HTMLInputElement>(null);
  const emailBox = useRef<HTMLInputElement>(null);
  useEffect(() => (location.hash.includes("code=") ? emailBox : codeBox).current?.focus(), []);
  const codeProblem = problem?.field("code") ?? (problem && (problem.status === 403 || problem.code.includes("code")) ? problem.detail : null);

  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const body = { code: (typed || linked).trim(), email: email.trim(), password, workspace: workspace.trim() };
      const { data } = await axios.post<{ access: string; expires_in: number }>("/api/v1/setup/", body, { headers: CLIENT_HEADER });
      onDone();
      await enter(data);
      clearHash();
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const atField = Boolean(codeProblem) || ["email", "password", "workspace"].some((field) => problem?.field(field));
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      {linked && !codeProblem ? null : (
        <TextInput ref={codeBox} label="Set-up code" required value={typed} onChange={(event) => setTyped(event.target.value)} error={codeProblem} autoComplete="one-time-code" hint="The server printed a link with this code when it started. Open that link, or paste the code here." />
      )}
      <TextInput ref={emailBox} label="Email" type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} error={problem?.field("email")} />
      <TextInput label="Password" type="password" autoComplete="new-password" required minLength={10} value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password")} hint="A few words you can remember work well." />
      <TextInput label="Name of the workspace" required value={workspace} onChange={(event) => setWorkspace(event.target.value)} placeholder="Nordlicht" error={problem?.field("workspace")} hint="Usually your team or company. You can change it later." />
      {problem && !atField ? <ProblemNote problem={problem} /> : null}
      <Button type="submit" look="primary" busy={busy} className="h-10">Continue</Button>
    </form>
  );
}
