"use client";
// For those who sign in through their organisation: they confirm it there, in another tab, so that nothing here is lost.
import { useEffect, useState } from "react";
import { LuExternalLink } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { ProblemNote, Skeleton } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { settleProof } from "@/lib/api/proof";
import { ssoActions } from "@/lib/api/resources/sso";

export type Elsewhere = { id: string; name: string };

export function ProofElsewhere({ ways }: { ways: Elsewhere[] | null }) {
  const [linked, setLinked] = useState<Elsewhere[] | null>(ways);
  const [gone, setGone] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (ways) return;
    void ssoActions.identities().then((all) => setLinked(all.map((one) => ({ id: one.connection, name: one.name }))), (error: unknown) => setProblem(toProblem(error)));
  }, [ways]);
  const go = async (connection: string) => {
    setProblem(null);
    const tab = window.open("", "_blank"); // now, while the click counts; its address comes later
    try {
      const url = await ssoActions.prove(connection);
      if (tab) tab.location.href = url; else location.assign(url);
      setGone(true);
    } catch (error) { tab?.close(); setProblem(toProblem(error)); }
  };
  return (
    <div className="flex flex-col gap-3">
      <p className="text-small text-muted">{gone ? "Sign in again in the tab that opened. Then come back here and go on." : "Your organisation confirms it, in a new tab."}</p>
      {linked ? linked.map((way) => <Button key={way.id} icon={LuExternalLink} onClick={() => void go(way.id)}>Confirm with {way.name}</Button>) : problem ? null : <Skeleton className="h-9" />}
      {linked?.length === 0 ? <p className="text-small">You have neither a password nor another way here. Ask an operator of this server.</p> : null}
      <ProblemNote problem={problem} />
      <div className="flex justify-end gap-2"><Button onClick={() => settleProof(false)}>Cancel</Button><Button look="primary" disabled={!gone} onClick={() => settleProof(true)}>I have confirmed it</Button></div>
    </div>
  );
}
