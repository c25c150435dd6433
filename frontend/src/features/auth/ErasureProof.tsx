"use client";
// What became of an erasure, for whoever has its code; nobody signs in for it, for there is nobody left who could.
import { useState } from "react";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { StateMark } from "@/components/ui/State";
import { doorActions } from "@/lib/api/resources/doors";
import { toProblem, type Problem } from "@/lib/api/problem";
import type { ErasureProof as Proof } from "@/lib/api/types";
import { count, fullTime } from "@/lib/format/format";
import { useHash } from "@/lib/route/use-hash";
import { DoorCard } from "./DoorCard";

export function ErasureProof() {
  const given = useHash("code");
  const just = useHash("just") === "1";
  const [typed, setTyped] = useState<string | null>(null);
  const code = typed ?? given ?? "";
  const [proof, setProof] = useState<Proof | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const look = async () => {
    setBusy(true);
    setProblem(null);
    try { setProof(await doorActions.proofOfErasure(code.trim())); } catch (error) { setProblem(toProblem(error)); setProof(null); } finally { setBusy(false); }
  };
  const wrong = problem?.field("code") ?? (problem?.status === 404 ? "There is no erasure with this code." : null);
  return (
    <DoorCard title={just ? "Your account is closed" : "Proof of an erasure"} text={just ? "What you left is being deleted now. Keep this code: it is not shown again, and with it you can read here what was deleted." : "Enter the code that you got when you had yourself erased."}>
      <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void look(); }}>
        <TextInput label="Code" required autoComplete="off" aside={code ? <CopyButton text={code} label="Copy code" words className="-my-1.5" /> : null} spellCheck={false} maxLength={100} className="font-mono" value={code} onChange={(event) => setTyped(event.target.value)} error={wrong} />
        {problem && !wrong ? <ProblemNote problem={problem} /> : null}
        <Button type="submit" look="primary" busy={busy} className="h-10">Show the proof</Button>
      </form>
      {proof ? (
        <div role="status" className="mt-5 flex flex-col gap-3 border-t border-border pt-5">
          <StateMark state={proof.state === "done" ? "succeeded" : "running"} word={proof.state === "done" ? `Erased on ${fullTime(proof.finished_at ?? proof.requested_at)}` : "Under way: look again in a minute"} />
          {proof.state === "done" && !proof.genuine ? <StateMark state="failed" word="The signature does not fit" /> : null}
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-small">
            <dt className="text-muted">Person</dt><dd className="font-mono [overflow-wrap:anywhere]">{proof.subject}</dd>
            {Object.entries(proof.deleted).map(([what, n]) => <div key={what} className="contents"><dt className="text-muted">{what.replaceAll("_", " ")}</dt><dd className="tabular">{count(n as number)}</dd></div>)}
          </dl>
          <div className="flex justify-start"><CopyButton text={() => JSON.stringify(proof, null, 2)} label="Copy the signed proof" words /></div>
        </div>
      ) : null}
    </DoorCard>
  );
}
