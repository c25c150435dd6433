"use client";
// "Confirm that it is you": the password, then the second factor of those who have one. The action that waits goes on by itself.
import { useState } from "react";
import { FactorForm } from "@/components/factor/FactorForm";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { settleProof } from "@/lib/api/proof";
import { proofActions } from "@/lib/api/resources/account";
import { askedIn, type Asked } from "@/lib/factor/factor";
import { useSession } from "@/lib/session/SessionProvider";
import { ProofElsewhere, type Elsewhere } from "./ProofElsewhere";

export default function ProofDialog() {
  const { me } = useSession();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [elsewhere, setElsewhere] = useState<Elsewhere[] | null>(null);
  const asksPassword = me?.has_password ?? true;
  const onlyElsewhere = !asksPassword && !me?.second_factor.enrolled;

  const prove = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await (asksPassword ? proofActions.password(password) : proofActions.withoutPassword());
      settleProof(true);
    } catch (error) {
      const refused = toProblem(error);
      const factor = askedIn(refused);
      if (factor) setAsked(factor);
      else if (refused.code === "sso_required" && Array.isArray(refused.body.connections)) setElsewhere(refused.body.connections as Elsewhere[]);
      else setProblem(refused);
      setBusy(false);
    }
  };
  const again = () => { setAsked(null); setPassword(""); setProblem(null); };
  return (
    <Dialog open onClose={() => settleProof(false)} title="Confirm that it is you" description="This change is a weighty one, so it is asked for once more. What you began goes on afterwards.">
      {elsewhere || onlyElsewhere ? <ProofElsewhere ways={elsewhere} /> : asked ? (
        <FactorForm asked={asked} act="Confirm" onAgain={again} onAnswer={async (method, response) => { await proofActions.factor(asked.challenge, method, response); settleProof(true); }} />
      ) : (
        <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void prove(); }}>
          <input type="text" autoComplete="username" value={me?.email ?? ""} readOnly hidden />
          {asksPassword ? <TextInput label="Password" type="password" autoComplete="current-password" required autoFocus value={password} onChange={(event) => setPassword(event.target.value)} error={problem?.field("password")} /> : <p className="text-small">You have no password here. Your second factor is asked for.</p>}
          {problem && !problem.field("password") ? <ProblemNote problem={problem} /> : null}
          <div className="flex justify-end gap-2"><Button onClick={() => settleProof(false)}>Cancel</Button><Button type="submit" look="primary" busy={busy}>Confirm</Button></div>
        </form>
      )}
    </Dialog>
  );
}
