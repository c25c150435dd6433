"use client";
import { LuCheck, LuRotateCw, LuSquare } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { TextInput } from "@/components/ui/Field";

type Props = { args: unknown; tool: string; text: string; onText: (text: string) => void; onDecide: (resolution: string, result?: string) => void; busy: string | null; error?: string };

const wide = "max-md:min-h-11 max-md:w-full";

/** A call was cut off: what it was, and the three things that a person can say about it. */
export function OutcomeForm({ args, tool, text, onText, onDecide, busy, error }: Props) {
  const some = args !== null && typeof args === "object" && Object.keys(args).length > 0;
  return (
    <div className="flex flex-col gap-3">
      <dl className="flex flex-col gap-2 text-small">
        <div className="flex gap-2"><dt className="shrink-0 text-muted">Tool</dt><dd className="min-w-0 [overflow-wrap:anywhere]"><code className="font-mono text-meta">{tool}</code></dd></div>
        <div className="flex flex-col gap-1">
          <dt className="text-muted">{some ? "Arguments" : "It was called without arguments."}</dt>
          {some ? <dd><pre tabIndex={0} aria-label="Arguments" className="max-h-60 overflow-auto rounded-control border border-border bg-surface p-2.5 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere]">{JSON.stringify(args, null, 2)}</pre></dd> : null}
        </div>
      </dl>
      <TextInput
        label="What came of it" aside={<span className="text-meta text-muted">optional</span>} hint="If it happened, the agent reads this as the result." value={text} error={error}
        onChange={(event) => onText(event.target.value)}
      />
      <div className="flex flex-wrap gap-2">
        <Button icon={LuCheck} busy={busy?.startsWith("happened ")} onClick={() => onDecide("happened", text.trim() || undefined)} className={wide}>It happened</Button>
        <Button icon={LuRotateCw} busy={busy?.startsWith("run_again ")} onClick={() => onDecide("run_again")} className={wide}>It did not, run it again</Button>
        <Button icon={LuSquare} look="danger" busy={busy?.startsWith("stop ")} onClick={() => onDecide("stop")} className={wide}>Stop</Button>
      </div>
    </div>
  );
}
