"use client";
import { useState } from "react";
import { TextInput } from "@/components/ui/Field";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { useTools } from "@/lib/api/resources/workspace";
import type { Tool } from "@/lib/api/types";

const effects: Record<Tool["effect"], { word: string; tone: "plain" | "accent" | "waiting" }> = {
  read: { word: "only reads", tone: "plain" }, idempotent: { word: "changes, safe to repeat", tone: "accent" }, once: { word: "acts once", tone: "waiting" },
};

export function ToolPicker({ value, onChange, disabled }: { value: string[]; onChange: (tools: string[]) => void; disabled?: boolean }) {
  const { items, problem, loading, retry } = useTools();
  const [search, setSearch] = useState("");
  if (problem) return <ProblemPanel problem={problem} onRetry={retry} />;
  if (loading || !items) return <div className="flex flex-col gap-2"><Skeleton className="h-12" /><Skeleton className="h-12" /></div>;
  if (items.length === 0) return <p className="text-small text-muted">This server offers no tools.</p>;
  const wanted = search.trim().toLowerCase();
  const shown = items.filter((tool) => !wanted || `${tool.title} ${tool.name} ${tool.description}`.toLowerCase().includes(wanted));
  const gone = value.filter((name) => !items.some((tool) => tool.name === name));
  return (
    <div className="flex flex-col gap-2">
      {items.length > 8 ? <TextInput label="Search tools" hideLabel type="search" placeholder="Search tools" value={search} onChange={(event) => setSearch(event.target.value)} /> : null}
      <ul className="divide-y divide-border overflow-hidden rounded-card border border-border bg-raised">
        {shown.map((tool) => {
          const effect = effects[tool.effect] ?? effects.once;
          return (
            <li key={tool.name}>
              <label className="flex items-start gap-3 px-3 py-2.5 hover:bg-hover">
                <input type="checkbox" className="mt-1 size-4 shrink-0 accent-(--accent)" checked={value.includes(tool.name)} disabled={disabled} onChange={(event) => onChange(event.target.checked ? [...value, tool.name] : value.filter((name) => name !== tool.name))} />
                <span className="min-w-0 flex-1">
                  <span className="flex flex-wrap items-center gap-x-2 gap-y-1"><span className="font-medium">{tool.title || tool.name}</span><Tag tone={effect.tone}>{effect.word}</Tag></span>
                  <span className="block text-small text-muted">{tool.description}</span>
                </span>
              </label>
            </li>
          );
        })}
      </ul>
      {gone.map((name) => <p key={name} className="text-small text-failed">The tool “{name}” is not offered any more. <button type="button" className="underline" onClick={() => onChange(value.filter((one) => one !== name))}>Remove it</button></p>)}
    </div>
  );
}
