"use client";
// The page that an invitation opens: what it is for, then in as whoever is signed in, or as somebody new.
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState, type ReactNode } from "react";
import { Button, ButtonLink } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote, Skeleton } from "@/components/ui/Panels";
import { doorActions } from "@/lib/api/resources/doors";
import { toProblem, type Problem } from "@/lib/api/problem";
import type { Invited } from "@/lib/api/types";
import { dayOf } from "@/lib/format/format";
import { roleWords } from "@/lib/rights/words";
import { useHash } from "@/lib/route/use-hash";
import { useSession } from "@/lib/session/SessionProvider";
import { rememberWorkspace } from "@/lib/session/workspace";
import { DoorCard, DoorNews } from "./DoorCard";
import { LinkGone } from "./LinkGone";

const asking = "Ask whoever invited you for a new one.";

export function Invitation() {
  const token = useHash("token");
  const { phase } = useSession();
  const [invited, setInvited] = useState<Invited | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!token) return;
    let live = true;
    void doorActions.lookAtInvitation(token).then((found) => { if (live) setInvited(found); }, (error: unknown) => { if (live) setProblem(toProblem(error)); });
    return () => { live = false; };
  }, [token]);
  if (token === "") return <LinkGone title="This is no invitation" text={`The address has no invitation in it. Open the link once more as you got it, or ${asking.toLowerCase()}`} />;
  if (problem) return problem.field("token") ? <LinkGone title="This invitation is over" text={problem.field("token") ?? asking} action={<ButtonLink href="/sign-in/">Sign in</ButtonLink>} /> : <DoorCard title="Invitation"><ProblemNote problem={problem} /></DoorCard>;
  if (!invited || !token || phase === "loading") return <div role="status" aria-label="Loading invitation" className="flex w-full max-w-[380px] flex-col gap-4"><Skeleton className="h-6 w-56" /><Skeleton className="h-48" /></div>;
  return phase === "ready" || phase === "enrolment" ? <Join token={token} invited={invited} /> : <JoinAsNew token={token} invited={invited} />;
}

function About({ invited, children }: { invited: Invited; children: ReactNode }) {
  const role = roleWords(invited.role);
  return <DoorCard title={`Join ${invited.workspace}`} text={<>{role.text ? `As ${role.name} you can ${role.text.replace("with them", "with you")}.` : `Your role will be ${role.name}.`} The invitation holds until {dayOf(invited.expires_at)}.</>}>{children}</DoorCard>;
}

function Join({ token, invited }: { token: string; invited: Invited }) {
  const { me, reload, leave } = useSession();
  const router = useRouter();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const other = invited.kind === "email" && invited.email !== me?.email;
  const join = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const { workspace } = await doorActions.join(token);
      if (workspace) rememberWorkspace(workspace.slug);
      await reload();
      router.replace("/");
    } catch (error) { setProblem(toProblem(error)); setBusy(false); }
  };
  return (
    <About invited={invited}>
      <div className="flex flex-col gap-4">
        {other ? <p>This invitation is for <strong className="font-medium [overflow-wrap:anywhere]">{invited.email}</strong>, and you are signed in as {me?.email}. Sign out, then open it again.</p> : <p>You are signed in as <strong className="font-medium [overflow-wrap:anywhere]">{me?.email}</strong>.</p>}
        <ProblemNote problem={problem} />
        <div className="flex flex-wrap gap-2">
          {other ? null : <Button look="primary" busy={busy} className="flex-1" onClick={() => void join()}>Join</Button>}
          <Button look={other ? "primary" : "quiet"} onClick={() => void leave()}>Sign out</Button>
          {other || problem?.code === "already_member" ? <ButtonLink href="/" look="quiet">Go to chat</ButtonLink> : null}
        </div>
      </div>
    </About>
  );
}

function JoinAsNew({ token, invited }: { token: string; invited: Invited }) {
  const { enter } = useSession();
  const router = useRouter();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [mailed, setMailed] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const signIn = `/sign-in/?next=%2Finvitation%2F#token=${encodeURIComponent(token)}`;
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const address = invited.email ? {} : { email: email.trim() };
      const answer = await doorActions.joinAsNew(invited.by_mail ? { token, ...address } : { token, ...address, name: name.trim(), password });
      if (!answer.access || !answer.workspace) return setMailed(true);
      rememberWorkspace(answer.workspace.slug);
      await enter({ access: answer.access, expires_in: answer.expires_in ?? 300 });
      router.replace("/");
    } catch (error) { setProblem(toProblem(error)); setBusy(false); }
  };
  if (mailed) return <DoorCard title="Look into your mail"><DoorNews>A link is on its way to {email}. It shows that the address is yours, and lets you in.</DoorNews></DoorCard>;
  const atField = ["email", "name", "password"].some((field) => problem?.field(field));
  const known = problem?.code === "sign_in_first";
  return (
    <About invited={invited}>
      <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        {invited.email ? <TextInput label="Email" autoComplete="username" value={invited.email} readOnly disabled hint="You sign in with this." />
          : <TextInput label="Email" type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.target.value)} error={problem?.field("email")} hint={invited.domain ? `Only addresses at ${invited.domain}.` : invited.by_mail ? "You get a mail with a link that lets you in." : undefined} />}
        {invited.by_mail ? null : (
          <>
            <TextInput label="Name" autoComplete="name" required maxLength={150} autoFocus={Boolean(invited.email)} value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} hint="How others see you here." />
            <TextInput label="Password" type="password" autoComplete="new-password" required minLength={10} value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password")} hint="A few words you can remember work well." />
          </>
        )}
        {problem && !atField ? <ProblemNote problem={problem} /> : null}
        <Button type="submit" look="primary" busy={busy} className="h-10" disabled={known}>{invited.by_mail ? "Send me the link" : "Join"}</Button>
        <p className="text-small text-muted">Have an account here? <Link href={signIn} className="text-accent underline underline-offset-4">Sign in, then join</Link></p>
      </form>
    </About>
  );
}
