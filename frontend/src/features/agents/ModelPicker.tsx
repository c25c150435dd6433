"use client";
import Link from "next/link";
import { LuChevronDown } from "react-icons/lu";
import { Menu, MenuChoice } from "@/components/ui/Menu";
import { Skeleton } from "@/components/ui/Panels";
import { useModels } from "@/lib/api/resources/providers";
import type { Model } from "@/lib/api/types";
import { compact, money } from "@/lib/format/format";

export function modelFacts(model: Model): string {
  const abilities = [model.capabilities.tools && "tools", model.capabilities.reasoning && "reasoning", model.capabilities.vision && "vision"].filter(Boolean).join(", ");
  const price = model.price ? `${money(model.price.input)} in, ${money(model.price.output)} out per 1M` : model.local ? "" : "no price";
  return [model.local ? "local" : "cloud", model.context_window ? `reads ${compact(model.context_window)} tokens` : "", abilities, price].filter(Boolean).join(" · ");
}

type Props = { value: string | null; fallbackName?: string | null; onChange: (model: string) => void; error?: string | null; disabled?: boolean };

export function ModelPicker({ value, fallbackName, onChange, error, disabled }: Props) {
  const { items, problem, loading, retry } = useModels({ enabled: true });
  if (loading) return <Skeleton className="h-14" />;
  if (problem) return <p role="alert" className="text-small text-failed">Models did not load. {problem.detail} <button type="button" className="underline" onClick={retry}>Try again</button></p>;
  const chosen = items?.find((model) => model.id === value);
  if (!items?.length) return <p className="text-small text-muted">No model is switched on yet. <Link className="text-accent underline" href="/providers/">Connect a provider</Link>.</p>;
  return (
    <div className="flex flex-col gap-1.5">
      <Menu
        align="start"
        trigger={
          <button type="button" disabled={disabled} className={`flex min-h-14 w-full items-center gap-3 rounded-control border bg-raised px-3 py-2 text-left hover:bg-hover disabled:opacity-60 ${error ? "border-failed" : "border-border-strong"}`}>
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium">{chosen ? chosen.label || chosen.name : fallbackName ? `${fallbackName} (switched off)` : "Choose a model"}</span>
              <span className="line-clamp-2 text-small text-muted">{chosen ? `${chosen.provider_name} · ${modelFacts(chosen)}` : "Models that are switched on for this workspace"}</span>
            </span>
            <span className="sr-only">: choose another model</span><LuChevronDown size={16} className="shrink-0 text-muted" aria-hidden />
          </button>
        }
      >
        <MenuChoice value={value} onChange={onChange} options={items.map((model) => ({ value: model.id, label: model.label || model.name, note: `${model.provider_name} · ${modelFacts(model)}` }))} />
      </Menu>
      {error ? <p className="text-small text-failed">{error}</p> : null}
      {chosen && chosen.provider_kind === "demo" ? <p className="text-small text-muted">Demo model: not AI; works offline.</p> : null}
    </div>
  );
}
