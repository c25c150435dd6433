"use client";
import { LuBot, LuChevronDown } from "react-icons/lu";
import { Menu, MenuChoice, MenuLabel } from "@/components/ui/Menu";
import type { Agent } from "@/lib/api/types";

type Props = { agents: Agent[]; value: string | null; name: string; model: string | null; onChange: (agent: string) => void };

/** Who answers. One agent needs no menu. */
export function AgentPicker({ agents, value, name, model, onChange }: Props) {
  const face = (
    <>
      <LuBot size={16} className="shrink-0" aria-hidden />
      <span className="truncate">{name}</span>
      {model ? <span className="truncate text-muted max-md:hidden">{model}</span> : null}
    </>
  );
  if (agents.length < 2) return <span className="inline-flex h-8 min-w-0 items-center gap-1.5 px-1.5 text-small text-muted">{face}</span>;
  return (
    <Menu
      align="start" side="top"
      trigger={<button type="button" className="inline-flex h-8 min-w-0 items-center gap-1.5 rounded-control px-1.5 text-small hover:bg-hover max-md:h-10">{face}<span className="sr-only">: choose another agent</span><LuChevronDown size={16} className="shrink-0 text-muted" aria-hidden /></button>}
    >
      <MenuLabel>Who answers</MenuLabel>
      <MenuChoice value={value} onChange={onChange} options={agents.map((agent) => ({ value: agent.id, label: agent.name, note: [agent.published && `v${agent.published.number}`, agent.published?.model_name].filter(Boolean).join(" · ") }))} />
    </Menu>
  );
}
