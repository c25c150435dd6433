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
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1.5 text-small">
        <dt className="text-muted">Tool</dt><dd><code className="font-mono text-meta [overflow-wrap:anywhere]">{tool}</code></dd>
        <dt className="text-muted">Arguments</dt>{some ? null : <dd>none</dd>}
        {some ? <dd className="col-span-2"><pre tabIndex={0} aria-label="Arguments" className="max-h-60 overflow-auto rounded-control border border-border bg-surface p-2.5 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere]">{JSON.stringify(args, null, 2)}</pre></dd> : null}
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
