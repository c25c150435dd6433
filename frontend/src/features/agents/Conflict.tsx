"use client";
// Somebody else saved first, or a text could not be saved: every text exists until its writer chooses.
import { useState, type ReactNode } from "react";
import { LuGitCompareArrows } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useModels } from "@/lib/api/resources/providers";
import { differences, foldLines, type Change } from "./diff";
import { valuesOf, type DraftEditor, type EditorState, type Values } from "./draft-editor";

type Props = { state: EditorState; editor: DraftEditor };

export function Conflict({ state, editor }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = (work: () => Promise<void>) => async () => {
    setBusy(true);
    setProblem(null);
    // A refused save is told at its field or by the form; only what the form does not know of is told here.
    try { await work(); } catch (error) { if (editor.state.problem !== error) setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  const button = (label: string, work: () => Promise<void>, primary = false) => <Button size="small" look={primary ? "primary" : "plain"} disabled={busy} onClick={() => void act(work)()}>{label}</Button>;
  const saveMine = button("Save mine over it", editor.keepMine);
  if (state.phase === "failed" && state.problem && !state.problem.errors.length) {
    return <div className="flex flex-col gap-2"><ProblemNote problem={state.problem} title="Not saved." />{button("Save again", editor.flush)}</div>;
  }
  if (state.phase === "conflict") {
    return (
      <Box title="Someone else changed this agent." text="Your text is still here and not saved." problem={problem}>
        {state.seen ? <Beside state={state} /> : null}
        <div className="mt-2 flex flex-wrap gap-2">
          {state.seen ? button("Use theirs, keep mine aside", editor.takeTheirs) : button("Show theirs", editor.showTheirs)}
          {saveMine}
        </div>
      </Box>
    );
  }
  if (!state.aside.length) return null;
  return (
    <Box title="Your own text is kept, but not saved." text="The form shows what is saved now." problem={problem}>
      <div className="mt-2 flex flex-wrap gap-2">
        {button("Back to mine", editor.backToMine)}
        {button("Save mine over it", async () => { await editor.backToMine(); await editor.keepMine(); })}
        <Button size="small" look="quiet" disabled={busy} onClick={editor.dropMine}>Let mine go</Button>
      </div>
    </Box>
  );
}

function Box({ title, text, problem, children }: { title: string; text: string; problem: Problem | null; children: ReactNode }) {
  return (
    <section aria-label="Two texts" className="rounded-card border border-waiting bg-raised px-4 py-3 text-small">
      <p role="alert" className="flex items-start gap-2"><LuGitCompareArrows size={16} className="mt-0.5 shrink-0 text-waiting" aria-hidden /><span><strong className="font-medium">{title}</strong> {text}</span></p>
      {problem ? <div className="mt-2"><ProblemNote problem={problem} /></div> : null}
      {children}
    </section>
  );
}

/** Both texts, field by field, with the lines marked in which they differ. */
function Beside({ state }: { state: EditorState }) {
  const { items: models } = useModels();
  const { agent, values } = state;
  const nameOf = (model: string | null) => models?.find((one) => one.id === model)?.name ?? (model === agent.draft.model ? agent.draft.model_name : model);
  const whole = (one: Values) => ({ ...one, model_name: nameOf(one.model) });
  const changes = differences(whole(values), whole(valuesOf(agent)));
  if (!changes.length) return <p className="mt-2 text-muted">Both texts are the same by now.</p>;
  return <div className="mt-3 flex flex-col gap-3">{changes.map((change) => <Sides key={change.field} change={change} />)}</div>;
}

function Sides({ change }: { change: Change }) {
  return (
    <section>
      <h3 className="font-medium">{change.label}</h3>
      <div className="mt-1 grid grid-cols-2 gap-2 max-md:grid-cols-1">
        <Side change={change} title="Yours" kind="removed" />
        <Side change={change} title="Theirs" kind="added" />
      </div>
    </section>
  );
}

function Side({ change, title, kind }: { change: Change; title: string; kind: "added" | "removed" }) {
  const lines = foldLines(change.lines).filter((line) => line.kind === kind || line.kind === "same" || line.kind === "fold");
  return (
    <div className="flex min-w-0 flex-col">
      <p className="mb-1 text-meta text-muted">{title}</p>
      <div role="group" aria-label={`${title}: ${change.label}`} tabIndex={0} className="max-h-56 min-h-9 flex-1 overflow-y-auto rounded-control border border-border bg-bg py-1.5">
        {lines.map((line, i) => line.kind === "fold"
          ? <p key={i} className="px-2.5 text-meta text-muted">{line.count === 1 ? "1 line" : `${line.count} lines`} alike</p>
          : <p key={i} className={cx("px-2.5 whitespace-pre-wrap [overflow-wrap:anywhere]", line.kind !== "same" && "bg-accent-soft")}>{line.text || "\u00a0"}</p>)}
        {lines.length ? null : <p className="px-2.5 text-muted">Nothing</p>}
      </div>
    </div>
  );
}
