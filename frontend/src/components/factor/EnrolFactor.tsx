"use client";
// Sets up a second factor in three small steps: which, its first answer, the recovery codes that come with the first one.
import { useState } from "react";
import { LuChevronRight, LuKeyRound, LuSmartphone } from "react-icons/lu";
import type { IconType } from "react-icons";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { factorActions } from "@/lib/api/resources/account";
import type { FactorBegun } from "@/lib/api/types";
import { inGroups, plainCode } from "@/lib/factor/factor";
import { addKey, keyRefusal, keysWork, type KeyAnswer } from "@/lib/factor/security-key";
import { RecoveryCodes } from "./RecoveryCodes";

type Props = { email: string; onDone: () => void; onCancel?: () => void; end?: string };
type Kind = FactorBegun["method"];

export function EnrolFactor({ email, onDone, onCancel, end = "I have kept them" }: Props) {
  const [begun, setBegun] = useState<FactorBegun | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [busy, setBusy] = useState<Kind | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const begin = async (method: Kind) => {
    setBusy(method);
    setProblem(null);
    try { setBegun(await factorActions.begin(method)); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(null); }
  };
  const again = () => { setBegun(null); setProblem(null); };
  if (codes) return <RecoveryCodes codes={codes} email={email} act={end} onDone={onDone} />;
  if (begun) return <FirstAnswer begun={begun} onBack={again} onAdded={(made) => { if (made) setCodes(made); else onDone(); }} />;
  const keys = keysWork();
  return (
    <div className="flex flex-col gap-3">
      <Way icon={LuSmartphone} title="Authenticator app" text="A code from an app on your phone, for example Aegis or Google Authenticator." busy={busy === "totp"} disabled={busy !== null} onClick={() => void begin("totp")} />
      <Way icon={LuKeyRound} title="Security key" text={keys ? "A key that you plug in, or this device with your finger, face or PIN." : "This browser, or this address without https, cannot use keys."} busy={busy === "webauthn"} disabled={busy !== null || !keys} onClick={() => void begin("webauthn")} />
      <ProblemNote problem={problem} />
      {onCancel ? <div className="flex justify-end"><Button onClick={onCancel}>Cancel</Button></div> : null}
    </div>
  );
}

function Way({ icon: Icon, title, text, busy, disabled, onClick }: { icon: IconType; title: string; text: string; busy: boolean; disabled: boolean; onClick: () => void }) {
  return (
    <button type="button" onClick={onClick} disabled={disabled} aria-busy={busy || undefined} className="flex items-center gap-3 rounded-card border border-border bg-raised px-4 py-3 text-left hover:bg-hover disabled:cursor-not-allowed disabled:opacity-60">
      <Icon size={20} aria-hidden className="shrink-0 text-muted" />
      <span className="min-w-0 flex-1"><span className="block font-medium">{title}</span><span className="block text-small text-muted">{text}</span></span>
      <LuChevronRight size={16} aria-hidden className="shrink-0 text-muted" />
    </button>
  );
}

function FirstAnswer({ begun, onBack, onAdded }: { begun: FactorBegun; onBack: () => void; onAdded: (codes: string[] | null) => void }) {
  const [code, setCode] = useState("");
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const isKey = begun.method === "webauthn";
  const over = problem?.field("challenge");
  const submit = async () => {
    setBusy(true);
    setRefusal(null);
    setProblem(null);
    try {
      const response: string | KeyAnswer = isKey ? await addKey(begun.webauthn) : plainCode(code);
      onAdded((await factorActions.finish(begun.challenge, response, name.trim())).recovery_codes as string[] | null);
    } catch (error) {
      const said = keyRefusal(error);
      if (said) setRefusal(said); else setProblem(toProblem(error));
      setBusy(false);
    }
  };
  const atField = !over && (problem?.field("name") || (!isKey && problem?.field("response")));
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      {begun.qr_svg && begun.secret ? (
        <div className="flex items-center gap-5 max-sm:flex-col max-sm:items-start">
          {/* eslint-disable-next-line @next/next/no-img-element -- a picture that came with the answer has nothing to be optimised */}
          <img src={`data:image/svg+xml,${encodeURIComponent(begun.qr_svg)}`} alt="QR code for your authenticator app" width={168} height={168} className="size-[168px] shrink-0 rounded-control border border-border bg-[white] p-2" />
          <div className="min-w-0 text-small">
            <p>Scan this with your authenticator app.</p>
            <p className="mt-3 text-muted">Or type this secret into it:</p>
            <p className="mt-1 flex items-start gap-1"><code className="font-mono text-body [overflow-wrap:anywhere]">{inGroups(begun.secret)}</code><CopyButton text={begun.secret} label="Copy secret" className="-my-1.5" /></p>
          </div>
        </div>
      ) : <p className="text-small text-muted">Give the key a name by which you know it, press the button, then touch it or confirm with this device.</p>}
      {isKey ? null : <TextInput label="Code" inputMode="numeric" autoComplete="one-time-code" autoFocus required maxLength={12} className="tabular" value={code} onChange={(event) => setCode(event.target.value)} error={problem?.field("response")} hint="The six digits that the app shows now." />}
      <TextInput label="Name" maxLength={60} autoFocus={isKey} value={name} onChange={(event) => setName(event.target.value)} placeholder={isKey ? "Security key" : "Authenticator app"} error={problem?.field("name")} hint="Optional. It helps when you have several." />
      {refusal || (isKey && problem?.field("response")) ? <p role="alert" className="text-small text-failed">{refusal ?? "The key's answer was not right. Try again."}</p> : null}
      {over ? <p role="alert" className="text-small text-failed">{over}</p> : problem && !atField && !(isKey && problem.field("response")) ? <ProblemNote problem={problem} /> : null}
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onBack}>{over ? "Begin again" : "Back"}</Button>
        {over ? null : <Button type="submit" look="primary" busy={busy}>{isKey ? "Add this key" : "Confirm"}</Button>}
      </div>
    </form>
  );
}
