"use client";
// In through one's organisation: found by the domain of the address, or named by the server where passwords do not count.
import { useState } from "react";
import { LuBuilding2 } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { ssoActions } from "@/lib/api/resources/sso";
import { nextHere } from "@/lib/route/safe-next";

export type Way = { id: string; name: string };
export type WaysDue = { ways: Way[]; ticket: string | null };

/** The ways that a refusal of the password names. */
export function waysIn(problem: Problem): WaysDue | null {
  const { connections, ticket } = problem.body;
  if (problem.code !== "sso_required" || !Array.isArray(connections)) return null;
  return { ways: connections as Way[], ticket: typeof ticket === "string" ? ticket : null };
}

export function SsoWays({ ways, ticket }: WaysDue) {
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = async (connection: string) => {
    setBusy(connection);
    setProblem(null);
    // What stands behind the # is a secret of a link: it stays here.
    const next = nextHere().split("#")[0];
    try { location.assign(await ssoActions.signIn({ connection, ...(next && next !== "/" ? { next } : {}), ...(ticket ? { ticket } : {}) })); } catch (error) { setProblem(toProblem(error)); setBusy(null); }
  };
  return (
    <div className="flex flex-col gap-2">
      {ways.map((way) => <Button key={way.id} icon={LuBuilding2} busy={busy === way.id} disabled={busy !== null} className="h-10 whitespace-normal!" onClick={() => void go(way.id)}>Sign in with {way.name}</Button>)}
      <ProblemNote problem={problem} />
    </div>
  );
}

/** Looks only at the domain of the address: nobody learns here who has an account. */
export function FindSso({ email }: { email: string }) {
  const [ways, setWays] = useState<Way[] | null>(null);
  const [asked, setAsked] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [empty, setEmpty] = useState(false);
  const find = async () => {
    setEmpty(!email.trim());
    if (!email.trim()) return;
    setBusy(true);
    setProblem(null);
    setWays(null);
    setAsked(email.trim());
    try { setWays(await ssoActions.discover(email.trim())); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  if (ways?.length && asked === email.trim()) return <SsoWays ways={ways} ticket={null} />;
  const none = ways?.length === 0 && asked === email.trim();
  const said = empty && !email.trim() ? "Enter your email first." : none ? "No organisation signs in here with this address. Use your password." : "";
  return (
    <div className="flex flex-col gap-2">
      <Button icon={LuBuilding2} busy={busy} className="h-10" onClick={() => void find()}>Continue with your organisation</Button>
      {said ? <p role="status" className="text-small text-muted">{said}</p> : null}
      <ProblemNote problem={problem} />
    </div>
  );
}
