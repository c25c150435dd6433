"use client";
import { useRef } from "react";
import { askedIn } from "@/components/decisions/asked";
import { DecisionCard, OPEN_CARD } from "@/components/decisions/DecisionCard";
import type { RunState } from "@/lib/stream/run-state";

/** What the run waits for, above what it did: whoever looks at it here can decide it here. */
export function RunDecisions({ state, waiting }: { state: RunState; waiting: string }) {
  const box = useRef<HTMLDivElement>(null);
  const next = () => requestAnimationFrame(() => (box.current?.querySelector<HTMLElement>(OPEN_CARD) ?? document.getElementById("main"))?.focus());
  if (!state.decisionOrder.length) return null;
  return (
    <div ref={box} className="flex max-w-[768px] flex-col gap-3 px-6 py-4 empty:hidden max-md:px-4">
      {state.decisionOrder.map((id) => {
        const one = state.decisions[id];
        return one ? <DecisionCard key={id} asked={askedIn(state, one)} open={one.status === "open"} waiting={waiting} onDone={next} /> : null;
      })}
    </div>
  );
}
