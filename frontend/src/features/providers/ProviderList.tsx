"use client";
import { useState } from "react";
import { LuCircleCheck, LuCircleHelp, LuCircleX, LuEllipsis, LuKeyRound, LuPlug, LuPlus, LuRefreshCw, LuShare2, LuTrash2 } from "react-icons/lu";
import { Sharing } from "@/components/sharing/Sharing";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Switch, TextInput } from "@/components/ui/Field";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useProviderActions, useProviders } from "@/lib/api/resources/providers";
import type { Check, Health, Provider } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { ConnectProvider } from "./ConnectProvider";
import { ModelTable } from "./ModelTable";

const healths: Record<Health["state"], { icon: typeof LuPlug; word: string; colour: string }> = {
  ok: { icon: LuCircleCheck, word: "Answers", colour: "text-succeeded" }, failing: { icon: LuCircleX, word: "Does not answer", colour: "text-failed" },
  unknown: { icon: LuCircleHelp, word: "Not tested yet", colour: "text-muted" },
};

function HealthMark({ health }: { health: Health }) {
  const { icon: Icon, word, colour } = healths[health.state] ?? healths.unknown;
  return <span className={`inline-flex items-center gap-1.5 text-small whitespace-nowrap ${colour}`}><Icon size={16} aria-hidden />{word}</span>;
}

export function ProviderList({ mayAdd, adding, onAdding }: { mayAdd: boolean; adding: boolean; onAdding: (adding: boolean) => void }) {
  const list = useProviders();
  if (list.problem) return <Card flush><ProblemPanel problem={list.problem} onRetry={list.retry} /></Card>;
  return (
    <div className="flex flex-col gap-4">
      <p className="text-small text-muted">Where answers come from. Keys are kept encrypted and never shown again.</p>
      {list.loading ? <Card flush><SkeletonRows rows={4} label="Loading providers" /></Card> : null}
      {list.items?.length === 0 ? (
        <Card flush><Empty icon={LuPlug} title="No provider is connected" action={mayAdd ? <Button look="primary" icon={LuPlus} onClick={() => onAdding(true)}>Add provider</Button> : null}>{mayAdd ? "Connect one, for example Ollama on this machine, and its models can answer." : "Ask an owner or admin of this workspace to connect one."}</Empty></Card>
      ) : null}
      {list.items?.map((provider) => <ProviderCard key={provider.id} provider={provider} />)}
      <Dialog open={adding} onClose={() => onAdding(false)} title="Add provider" description="The connection is tested before anything is saved.">
        <ConnectProvider onCancel={() => onAdding(false)} onDone={(provider) => { onAdding(false); toast(`${provider.name} is connected`); }} act="Test and save" leave="Cancel" />
      </Dialog>
    </div>
  );
}

function ProviderCard({ provider }: { provider: Provider }) {
  const [mayEdit, mayShare, mayDelete] = (["edit", "share", "delete"] as const).map((verb) => provider.permissions.includes(verb));
  const actions = useProviderActions();
  const [busy, setBusy] = useState<"test" | "sync" | null>(null);
  const [answer, setAnswer] = useState<Check | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [doing, setDoing] = useState<"edit" | "share" | "delete" | null>(null);
  const ask = async (what: "test" | "sync") => {
    setBusy(what);
    setProblem(null);
    setAnswer(null);
    try { setAnswer(await actions[what](provider.id)); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(null); }
  };
  const toggle = async (enabled: boolean) => {
    setProblem(null);
    try { await actions.edit(provider.id, { enabled }); } catch (error) { setProblem(toProblem(error)); }
  };
  const facts = [provider.kind === "demo" ? "Not AI; works offline" : provider.base_url, provider.key_hint && `key ${provider.key_hint}`, plural(provider.model_count, "model")].filter(Boolean).join(" · ");
  return (
    <Card
      flush title={provider.name} note={<span className="block truncate">{facts}</span>}
      action={
        <div className="flex items-center gap-2">
          <HealthMark health={provider.health} />
          {mayEdit || mayShare || mayDelete ? (
            <>
              {mayEdit ? <Button size="small" busy={busy === "test"} disabled={busy !== null} onClick={() => void ask("test")}>Test</Button> : null}
              <Menu trigger={<IconButton icon={LuEllipsis} label={`More for ${provider.name}`} />}>
                {mayEdit ? <MenuItem icon={LuRefreshCw} onSelect={() => void ask("sync")}>Read its models again</MenuItem> : null}
                {mayEdit ? <MenuItem icon={LuKeyRound} onSelect={() => setDoing("edit")}>Change name, address or key</MenuItem> : null}
                {mayShare ? <MenuItem icon={LuShare2} onSelect={() => setDoing("share")}>Share</MenuItem> : null}
                {mayEdit ? <MenuItem icon={LuPlug} onSelect={() => void toggle(!provider.enabled)}>{provider.enabled ? "Switch off" : "Switch on"}</MenuItem> : null}
                {mayDelete ? <><MenuLine /><MenuItem icon={LuTrash2} danger onSelect={() => setDoing("delete")}>Remove</MenuItem></> : null}
              </Menu>
            </>
          ) : null}
        </div>
      }
    >
      {busy === "sync" ? <p role="status" className="border-b border-border px-4 py-2 text-small text-muted">Reading the models</p> : null}
      {problem ? <div className="border-b border-border p-3"><ProblemNote problem={problem} /></div> : null}
      {answer ? <p role="status" className={`border-b border-border px-4 py-2 text-small ${answer.ok ? "text-succeeded" : "text-failed"}`}>{answer.ok ? `It answers${answer.models.length ? `, with ${plural(answer.models.length, "model")}` : ""}.` : `It did not answer. ${answer.detail}`}</p>
        : provider.health.state === "failing" ? <p className="border-b border-border px-4 py-2 text-small text-failed">{provider.health.detail} <span className="text-muted">Tested <Time at={provider.health.checked_at} />.</span></p> : null}
      {provider.enabled ? <ModelTable provider={provider} mayEdit={mayEdit ?? false} /> : <div className="flex items-center justify-between px-4 py-3 text-small text-muted">Switched off: no agent can use its models.{mayEdit ? <Switch label="Switch on" checked={false} onChange={(on) => void toggle(on)} /> : null}</div>}
      <Sharing shared={doing === "share" ? { kind: "provider", object: `providers/${provider.id}`, name: provider.name, visibility: provider.visibility } : null} onClose={() => setDoing(null)} />
      {doing === "edit" ? <EditProvider provider={provider} onClose={() => setDoing(null)} /> : null}
      <Confirm open={doing === "delete"} onClose={() => setDoing(null)} title={`Remove ${provider.name}?`} act="Remove provider" text="Its models go too, and agents that use them stop answering until they get another model." onConfirm={async () => { await actions.remove(provider.id); toast("Provider removed"); }} />
    </Card>
  );
}

function EditProvider({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const actions = useProviderActions();
  const [name, setName] = useState(provider.name);
  const [address, setAddress] = useState(provider.base_url ?? "");
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const moved = address.trim() !== (provider.base_url ?? "");
  const save = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await actions.edit(provider.id, { ...(name.trim() !== provider.name ? { name: name.trim() } : {}), ...(moved ? { base_url: address.trim() } : {}), ...(key ? { api_key: key } : {}) });
      toast("Saved");
      onClose();
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  const atField = ["name", "base_url", "api_key"].some((field) => problem?.field(field));
  return (
    <Dialog open onClose={onClose} title={`Change ${provider.name}`} footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => void save()}>Save</Button></>}>
      <form className="flex flex-col gap-4" autoComplete="off" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <TextInput label="Name" value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} />
        {provider.kind === "demo" ? null : (
          <>
            <TextInput label="Address" type="url" value={address} onChange={(event) => setAddress(event.target.value)} error={problem?.field("base_url")} />
            <TextInput label={provider.key_hint ? "New key" : "Key"} type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} error={problem?.field("api_key")} hint={provider.key_hint ? `Now ${provider.key_hint}. Leave empty to keep it${moved ? "; a new address needs the key again" : ""}.` : undefined} />
          </>
        )}
        {problem && !atField ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}
