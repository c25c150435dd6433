"use client";
// Asks for a second factor: a code, a recovery code, or a security key. Used at the door and when an action wants a proof.
import { useState } from "react";
import { LuKeyRound } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import type { FactorMethod } from "@/lib/api/types";
import { plainCode, waysIn, type Asked } from "@/lib/factor/factor";
import { askKey, keyRefusal, keysWork, type KeyAnswer } from "@/lib/factor/security-key";

const other: Record<FactorMethod, string> = { webauthn: "Use your security key", totp: "Use your authenticator app", recovery_code: "Use a recovery code" };

type Props = { asked: Asked; act: string; onAnswer: (method: FactorMethod, response: string | KeyAnswer) => Promise<void>; onAgain: () => void };

export function FactorForm({ asked, act, onAnswer, onAgain }: Props) {
  const ways = waysIn(asked, keysWork());
  const [chosen, setChosen] = useState<FactorMethod | null>(null);
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const method = chosen ?? ways[0] ?? "recovery_code";
  const over = problem?.code === "challenge_over";
  const wrong = problem?.code === "wrong_second_factor" ? (method === "totp" ? "This code is not right, or it is over. Enter the one that the app shows now." : "This code is not right, or it was used already.") : null;

  const send = async (make: () => Promise<string | KeyAnswer>) => {
    setBusy(true);
    setProblem(null);
    setRefusal(null);
    try { await onAnswer(method, await make()); } catch (error) {
      const said = keyRefusal(error);
      if (said) setRefusal(said); else setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const choose = (next: FactorMethod) => { setChosen(next); setCode(""); setProblem(null); setRefusal(null); };
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void send(method === "webauthn" ? () => askKey(asked.webauthn) : () => Promise.resolve(plainCode(code))); }}>
      {method === "webauthn" ? <p className="text-small text-muted">Press the button, then touch your key or confirm with this device.</p> : null}
      {method === "totp" ? <TextInput key="totp" label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" autoFocus required maxLength={12} className="tabular" value={code} onChange={(event) => setCode(event.target.value)} error={wrong} hint="The six digits that your authenticator app shows." /> : null}
      {method === "recovery_code" ? <TextInput key="recovery" label="Recovery code" name="recovery" autoComplete="off" autoFocus required maxLength={64} spellCheck={false} className="font-mono" value={code} onChange={(event) => setCode(event.target.value)} error={wrong} hint="One of the codes that you kept when you set this up. Each works once." /> : null}
      {refusal ? <p role="alert" className="text-small text-failed">{refusal}</p> : null}
      {problem && !wrong ? <ProblemNote problem={problem} /> : null}
      {method === "webauthn" && problem?.code === "wrong_second_factor" ? <p role="alert" className="text-small text-failed">This key is not one of yours.</p> : null}
      {over ? <Button look="primary" className="h-10" onClick={onAgain}>Begin again</Button>
        : <Button type="submit" look="primary" busy={busy} icon={method === "webauthn" ? LuKeyRound : undefined} className="h-10">{method === "webauthn" ? "Use security key" : act}</Button>}
      <div className="flex flex-wrap gap-x-4 gap-y-1 text-small">
        {ways.filter((way) => way !== method).map((way) => <button key={way} type="button" className="text-accent underline-offset-4 hover:underline" onClick={() => choose(way)}>{other[way]}</button>)}
        {over ? null : <button type="button" className="text-muted underline-offset-4 hover:text-text hover:underline" onClick={onAgain}>Back</button>}
      </div>
    </form>
  );
}
