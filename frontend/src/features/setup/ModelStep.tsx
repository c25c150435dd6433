"use client";
import { useState, type ReactNode } from "react";
import { LuCloud, LuFlaskConical, LuHardDrive, LuKeyRound, LuRefreshCw } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { ProblemNote, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { toProblem, Problem } from "@/lib/api/problem";
import { useDiscovered, useProviderActions } from "@/lib/api/resources/providers";
import type { Discovered, ProviderInput } from "@/lib/api/types";
import { plural } from "@/lib/format/format";

type Props = { onDone: (provider: string) => void; connect: (done: (provider: string) => void, back: () => void) => ReactNode };

const idOf = (found: Discovered) => `${found.source}:${found.kind}:${found.name}`;
const icons = { local: LuHardDrive, environment: LuKeyRound, builtin: LuFlaskConical };

function describe(found: Discovered): { title: string; text: string } {
  if (found.kind === "demo") return { title: "Demo model", text: "Not AI; works offline. It shows how the product behaves, and you can switch later." };
  const models = found.models.length ? `${plural(found.models.length, "model")}: ${found.models.slice(0, 3).join(", ")}${found.models.length > 3 ? " and more" : ""}` : "";
  if (found.source === "local") return { title: `${found.name} on this machine`, text: found.reachable ? models || found.detail || "It answers, but has no models yet." : found.detail || "It does not answer." };
  return { title: `${found.name}, key from the environment`, text: [found.key_hint && `Key ${found.key_hint}`, models || found.detail].filter(Boolean).join(". ") };
}

export function ModelStep({ onDone, connect }: Props) {
  const discovered = useDiscovered();
  const actions = useProviderActions();
  const [picked, setPicked] = useState<string | null>(null);
  const [own, setOwn] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  if (own) return connect(onDone, () => setOwn(false));
  if (discovered.problem) return <ProblemPanel problem={discovered.problem} onRetry={discovered.retry} action={<Button size="small" onClick={() => setOwn(true)}>Enter a provider</Button>} />;
  const rank = (one: Discovered) => (one.kind === "demo" ? 3 : !one.reachable ? 2 : one.source === "local" ? 0 : 1);
  const found = [...(discovered.value?.results ?? [])].sort((a, b) => rank(a) - rank(b));
  const usable = found.filter((one) => one.reachable && (one.source !== "local" || one.models.length > 0));
  const choice = usable.find((one) => idOf(one) === picked) ?? usable[0];

  const go = async () => {
    if (!choice) return;
    setBusy(true);
    setProblem(null);
    try {
      const input: ProviderInput = { kind: choice.kind, name: choice.name };
      if (choice.source === "environment") input.use_environment_key = true;
      if (choice.base_url) input.base_url = choice.base_url;
      const provider = await actions.create(input);
      const check = await actions.sync(provider.id);
      if (!check.ok) throw new Problem(502, "not_reachable", "It did not answer", check.detail, null, [], {});
      onDone(provider.id);
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void go(); }}>
      {discovered.loading ? (
        <div role="status" aria-label="Looking for models" className="flex flex-col gap-2">{[0, 1, 2].map((i) => <Skeleton key={i} className="h-16 rounded-card" />)}</div>
      ) : (
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-2 flex w-full items-center justify-between text-small font-medium">Found for you</legend>
          {found.map((one) => {
            const { title, text } = describe(one);
            const Icon = icons[one.source] ?? LuCloud;
            const ok = usable.includes(one);
            const on = choice === one;
            return (
              <label key={idOf(one)} className={cx("flex items-start gap-3 rounded-card border px-4 py-3", on ? "border-accent bg-accent-soft" : "border-border bg-raised", ok ? "hover:border-accent" : "cursor-default")}>
                <input type="radio" name="model" checked={on} disabled={!ok} onChange={() => setPicked(idOf(one))} className="mt-1 accent-(--accent)" />
                <span className="min-w-0 flex-1">
                  <span className="flex items-center gap-2 font-medium"><Icon size={16} className="shrink-0 text-muted" aria-hidden />{title}</span>
                  <span className="block text-small text-muted [overflow-wrap:anywhere]">{text}</span>
                </span>
              </label>
            );
          })}
          {found.length === 0 ? <p className="text-small text-muted">Nothing was found on this machine. Enter a provider below.</p> : null}
        </fieldset>
      )}
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => setOwn(true)} icon={LuKeyRound}>Enter another provider</Button>
        <Button size="small" look="quiet" onClick={discovered.retry} icon={LuRefreshCw}>Look again</Button>
      </div>
      <ProblemNote problem={problem} />
      <Button type="submit" look="primary" busy={busy} disabled={!choice} className="h-10">Continue</Button>
    </form>
  );
}
