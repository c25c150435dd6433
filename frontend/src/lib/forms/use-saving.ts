"use client";
// What every form that saves has: busy, the refusal, and one way to send.
import { useState, type FormEvent } from "react";
import { toProblem, type Problem } from "@/lib/api/problem";

export type Saving = { busy: boolean; problem: Problem | null; submit: (event?: FormEvent) => void; forget: () => void };

/** `work` tells the person what it did; when it throws, the form keeps what was typed and shows why. */
export function useSaving(work: () => Promise<unknown>): Saving {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = async () => {
    setBusy(true);
    setProblem(null);
    try { await work(); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return { busy, problem, submit: (event) => { event?.preventDefault(); if (!busy) void go(); }, forget: () => setProblem(null) };
}
