"use client";
import { useState } from "react";
import { LuBrain, LuChevronRight } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { duration } from "@/lib/format/format";
import { AnswerText } from "./AnswerText";

/** One folded line: what the model thought, for whoever wants to read it. */
export function Reasoning({ text, open: thinking, ms }: { text: string; open: boolean; ms: number | null }) {
  const [open, setOpen] = useState(false);
  return (
    <div>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="inline-flex min-h-8 items-center gap-1.5 rounded-control text-small text-muted hover:text-text">
        <LuChevronRight size={16} className={cx("transition-transform duration-[120ms]", open && "rotate-90")} aria-hidden />
        <LuBrain size={16} aria-hidden />
        <span className={thinking ? "caret" : undefined}>{thinking ? "Thinking" : ms !== null ? `Thought for ${duration(ms)}` : "Thought it over"}</span>
      </button>
      {open ? <div className="mt-1 border-l-2 border-border pl-4 text-muted"><AnswerText text={text} open={thinking} small /></div> : null}
    </div>
  );
}
