"use client";
// The draft's state and its acts, on top of the builder: saved when, how far from what is published, publish.
import { useState } from "react";
import { LuCircleAlert, LuCircleCheck, LuFileDiff, LuPencilLine } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { ProblemNote } from "@/components/ui/Panels";
import { StateMark } from "@/components/ui/State";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useAgentActions } from "@/lib/api/resources/agents";
import { clockTime } from "@/lib/format/format";
import type { DraftEditor, EditorState, Values } from "./draft-editor";

export function whatIsMissing(values: Values): string[] {
  return [
    values.name.trim() ? "" : "Give the agent a name.",
    values.instructions.trim() ? "" : "Write instructions.",
    values.model ? "" : "Choose a model.",
  ].filter(Boolean);
}

export function SaveState({ state }: { state: EditorState }) {
  const { phase, savedAt, agent } = state;
  if (phase === "saving" || phase === "editing") return <StateMark state="running" word="Saving" className="text-small" />;
  if (phase === "failed" || phase === "conflict") return <StateMark state="failed" word="Not saved" className="text-small" />;
  const since = agent.published ? (agent.changes.length ? `${agent.changes.length === 1 ? "1 change" : `${agent.changes.length} changes`} since v${agent.published.number}` : "") : "not published yet";
  return <span className="inline-flex items-center gap-1.5 text-small text-muted max-md:hidden"><LuPencilLine size={16} aria-hidden className="shrink-0" /><span>Draft<span className="max-lg:hidden">, saved {clockTime(savedAt)}</span>{since ? `, ${since}` : ""}</span></span>;
}

/** The way from "2 changes since v3" to the changes themselves. */
export function DiffButton({ state, onOpen }: { state: EditorState; onOpen: () => void }) {
  const { agent } = state;
  if (!agent.published || agent.changes.length === 0) return null;
  return <Button size="small" look="quiet" icon={LuFileDiff} className="max-md:hidden" title={`What the draft changes since v${agent.published.number}`} onClick={onOpen}>Diff</Button>;
}

export function PublishButton({ state, editor }: { state: EditorState; editor: DraftEditor }) {
  const [asking, setAsking] = useState(false);
  const [notes, setNotes] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const actions = useAgentActions();
  const { agent, values } = state;
  const missing = whatIsMissing(values);
  const current = agent.published && agent.changes.length === 0 && state.phase === "saved";
  const next = (agent.published?.number ?? 0) + 1;

  const publish = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await editor.flush();
      const version = await actions.publish(agent.id, notes.trim());
      editor.rebase(await actions.reread(agent.id));
      toast(`v${version.number} is published`);
      setAsking(false);
      setNotes("");
    } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  if (current) return <span className="inline-flex items-center gap-1.5 text-small text-succeeded"><LuCircleCheck size={16} aria-hidden />Published v{agent.published?.number}</span>;
  return (
    <>
      <Button look="primary" size="small" onClick={() => setAsking(true)}>Publish</Button>
      <Dialog
        open={asking} onClose={() => setAsking(false)} title={`Publish v${next}`} description="Everyone who may use this agent gets this version from their next message on."
        footer={<><Button onClick={() => setAsking(false)}>Cancel</Button><Button look="primary" busy={busy} disabled={missing.length > 0} onClick={() => void publish()}>Publish v{next}</Button></>}
      >
        <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); if (!missing.length) void publish(); }}>
          {missing.length ? <ul className="flex flex-col gap-1" aria-label="Before publishing">{missing.map((one) => <li key={one} className="flex items-center gap-2 text-small text-failed"><LuCircleAlert size={16} aria-hidden />{one}</li>)}</ul> : null}
          {problem?.errors.length ? <ul className="flex flex-col gap-1" aria-label="To put right">{problem.errors.map((one) => <li key={one.field + one.code} className="flex items-center gap-2 text-small text-failed"><LuCircleAlert size={16} aria-hidden />{one.message}</li>)}</ul> : <ProblemNote problem={problem} />}
          <TextInput label="What changed" value={notes} onChange={(event) => setNotes(event.target.value)} placeholder="Optional, for the version list" maxLength={300} error={problem?.field("notes")} />
        </form>
      </Dialog>
    </>
  );
}
