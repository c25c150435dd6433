"use client";
// Adds a provider. What was typed is tried first, so a wrong key is told here and not in the first chat.
import { useState } from "react";
import { Button } from "@/components/ui/Button";
import { Select, TextInput } from "@/components/ui/Field";
import { ProblemNote, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useProviderActions, useProviderKinds } from "@/lib/api/resources/providers";
import type { Check, Provider, ProviderInput } from "@/lib/api/types";

type Props = { onDone: (provider: Provider) => void; onCancel?: () => void; act?: string; leave?: string };

export function ConnectProvider({ onDone, onCancel, act = "Connect", leave = "Back" }: Props) {
  const kinds = useProviderKinds();
  const actions = useProviderActions();
  const [kind, setKind] = useState<ProviderInput["kind"] | "">("");
  const [name, setName] = useState("");
  const [address, setAddress] = useState<string | null>(null);
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Check | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  if (kinds.problem) return <ProblemPanel problem={kinds.problem} onRetry={kinds.retry} />;
  const all = kinds.value?.results;
  if (!all) return <div role="status" aria-label="Loading" className="flex flex-col gap-4"><Skeleton className="h-9" /><Skeleton className="h-9" /></div>;
  const chosen = all.find((one) => one.kind === kind) ?? all.find((one) => one.needs_key) ?? all[0];
  if (!chosen) return null;
  const url = address ?? chosen.default_base_url ?? "";
  const asksUrl = chosen.needs_base_url || chosen.local || Boolean(chosen.default_base_url);

  const submit = async (anyway: boolean) => {
    const input: ProviderInput = { kind: chosen.kind, name: name.trim() || chosen.label };
    if (asksUrl && url.trim()) input.base_url = url.trim();
    if (key) input.api_key = key;
    setBusy(true);
    setProblem(null);
    setFailed(null);
    try {
      if (!anyway) {
        const check = await actions.check(input);
        if (!check.ok) return setFailed(check);
      }
      const provider = await actions.create(input);
      await actions.sync(provider.id).catch(() => undefined);
      onDone(provider);
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  const shows = (field: Check["field"]) => (field === "base_url" ? asksUrl : field === "api_key" && (chosen.needs_key || !chosen.local));
  const at = (field: Check["field"]) => (failed?.field === field && shows(field) ? failed.detail : undefined);
  const atField = ["kind", "name", "base_url", "api_key"].some((field) => problem?.field(field));
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(false); }} autoComplete="off">
      <Select label="Provider" value={chosen.kind} onChange={(event) => { setKind(event.target.value as ProviderInput["kind"]); setAddress(null); setFailed(null); }} hint={chosen.help || undefined} error={problem?.field("kind")}>
        {all.map((one) => <option key={one.kind} value={one.kind}>{one.label}</option>)}
      </Select>
      {asksUrl ? <TextInput label="Address" type="url" inputMode="url" required={chosen.needs_base_url} value={url} onChange={(event) => setAddress(event.target.value)} placeholder="https://" error={problem?.field("base_url") ?? at("base_url")} /> : null}
      {chosen.needs_key || !chosen.local ? (chosen.kind === "demo" ? null : (
        <TextInput label="Key" type="password" autoComplete="off" required={chosen.needs_key} value={key} onChange={(event) => setKey(event.target.value)} error={problem?.field("api_key") ?? at("api_key")} hint="Kept encrypted on this server and never shown again." />
      )) : null}
      <TextInput label="Name" value={name} onChange={(event) => setName(event.target.value)} placeholder={chosen.label} error={problem?.field("name")} />
      {failed ? (
        <div role="alert" className="rounded-control border border-failed bg-removed-bg px-3 py-2 text-small">
          <strong className="font-medium">{failed.field === "api_key" ? "The key was not accepted." : "It did not answer."}</strong> {shows(failed.field) ? null : failed.detail} Nothing was saved yet.
        </div>
      ) : null}
      {problem && !atField ? <ProblemNote problem={problem} /> : null}
      <div className="flex flex-wrap justify-end gap-2">
        {onCancel ? <Button onClick={onCancel}>{leave}</Button> : null}
        {failed ? <Button onClick={() => void submit(true)} disabled={busy}>Save anyway</Button> : null}
        <Button type="submit" look="primary" busy={busy}>{busy ? "Testing the connection" : act}</Button>
      </div>
    </form>
  );
}
