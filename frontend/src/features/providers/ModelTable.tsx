"use client";
import { useState } from "react";
import { Switch, TextInput } from "@/components/ui/Field";
import { TableBox } from "@/components/ui/Page";
import { ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { toast } from "@/components/ui/Toast";
import { toProblem } from "@/lib/api/problem";
import { useModels, useProviderActions } from "@/lib/api/resources/providers";
import type { Model, Provider } from "@/lib/api/types";
import { compact, money } from "@/lib/format/format";

const FEW = 8;

export function ModelTable({ provider, mayEdit }: { provider: Provider; mayEdit: boolean }) {
  const list = useModels({ provider: provider.id });
  const [search, setSearch] = useState("");
  const [all, setAll] = useState(false);
  if (list.problem) return <ProblemPanel problem={list.problem} onRetry={list.retry} />;
  if (!list.items) return <SkeletonRows rows={Math.min(3, Math.max(1, provider.model_count))} label="Loading models" />;
  if (!list.items.length) return <p className="px-4 py-3 text-small text-muted">No models are known yet. Read its models again from the menu{provider.kind === "ollama" ? ", after `ollama pull llama3.1`" : ""}.</p>;
  const wanted = search.trim().toLowerCase();
  const matching = list.items.filter((model) => !wanted || `${model.name} ${model.label}`.toLowerCase().includes(wanted));
  const shown = all || wanted ? matching : matching.slice(0, FEW);
  return (
    <div>
      {list.items.length > FEW ? <div className="border-b border-border p-3"><TextInput label={`Search models of ${provider.name}`} hideLabel type="search" placeholder="Search models" value={search} onChange={(event) => setSearch(event.target.value)} /></div> : null}
      <TableBox label={`Models of ${provider.name}`}>
        <thead><tr><th scope="col">Model</th><th scope="col" className="text-right! max-md:hidden">Reads</th><th scope="col" className="max-md:hidden">Can</th><th scope="col" className="text-right! max-md:hidden">In, per 1M</th><th scope="col" className="text-right! max-md:hidden">Out, per 1M</th><th scope="col" className="text-right!">On</th></tr></thead>
        <tbody>{shown.map((model) => <ModelRow key={model.id} model={model} mayEdit={mayEdit} />)}</tbody>
      </TableBox>
      {shown.length < matching.length ? <button type="button" onClick={() => setAll(true)} className="h-10 w-full border-t border-border text-small font-medium text-accent outline-offset-[-2px] hover:underline">Show all {matching.length} models</button> : null}
      {wanted && !matching.length ? <p className="px-4 py-3 text-small text-muted">No model matches “{search}”.</p> : null}
    </div>
  );
}

function ModelRow({ model, mayEdit }: { model: Model; mayEdit: boolean }) {
  const actions = useProviderActions();
  const [pending, setPending] = useState<boolean | null>(null);
  const on = pending ?? model.enabled;
  const toggle = async (enabled: boolean) => {
    setPending(enabled);
    try { await actions.editModel(model.id, { enabled }); } catch (error) { toast(`Not changed: ${toProblem(error).detail}`); } finally { setPending(null); }
  };
  const abilities = [model.capabilities.tools && "tools", model.capabilities.reasoning && "reasoning", model.capabilities.vision && "vision"].filter(Boolean).join(", ");
  const name = model.label || model.name;
  const facts = [model.context_window ? `reads ${compact(model.context_window)}` : "", abilities, model.price ? `${money(model.price.input)} in, ${money(model.price.output)} out per 1M` : ""].filter(Boolean).join(" · ");
  return (
    <tr>
      <td className="min-w-44 max-md:min-w-0"><span className="flex items-center gap-2"><span className="font-medium [overflow-wrap:anywhere]">{name}</span>{model.local ? <Tag>local</Tag> : null}</span>{model.label && model.label !== model.name ? <span className="block font-mono text-meta text-muted">{model.name}</span> : null}<span className="tabular block text-meta text-muted md:hidden">{facts}</span></td>
      <td className="tabular text-right text-muted max-md:hidden">{compact(model.context_window)}</td>
      <td className="text-muted whitespace-nowrap max-md:hidden">{abilities || "–"}</td>
      <td className="tabular text-right text-muted whitespace-nowrap max-md:hidden">{model.price?.input ? money(model.price.input) : "–"}</td>
      <td className="tabular text-right text-muted whitespace-nowrap max-md:hidden">{model.price?.output ? money(model.price.output) : "–"}</td>
      <td className="text-right"><Switch hideLabel label={`Use ${name}`} checked={on} disabled={!mayEdit || pending !== null} onChange={(next) => void toggle(next)} /></td>
    </tr>
  );
}
