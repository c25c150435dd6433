"use client";
import { useState } from "react";
import { Confirm } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { SaveForm } from "@/components/ui/SaveForm";
import { toast } from "@/components/ui/Toast";
import { useRetention, useWorkspaceActions } from "@/lib/api/resources/workspace";
import type { Retention } from "@/lib/api/types";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";
import { changesIn, deletesMore, textOf, type RetentionField } from "./retention";

const boxes: { field: RetentionField; label: string; hint: string }[] = [
  { field: "conversation_days", label: "Chats, days after the last word", hint: "With their runs. Empty: kept." },
  { field: "run_days", label: "Runs, days after their end", hint: "With their messages. Empty: kept." },
  { field: "usage_days", label: "Tokens and cost, days", hint: "Empty: kept." },
  { field: "trash_days", label: "Deleted chats, days until gone", hint: "Nobody sees them meanwhile." },
];

export function RetentionCard() {
  const { can } = useSession();
  const { value, problem, retry } = useRetention();
  const may = can("retention.edit");
  return (
    <Card title="How long things are kept" note={may ? "What goes on or waits for somebody is never deleted. The audit log has a policy of its own." : "Owners change this."}>
      {problem ? <ProblemPanel problem={problem} onRetry={retry} /> : null}
      {value ? <Form key={value.updated_at} kept={value} may={may} /> : problem ? null : <div className="flex flex-col gap-3"><Skeleton className="h-9" /><Skeleton className="h-9" /></div>}
    </Card>
  );
}

function Form({ kept, may }: { kept: Retention; may: boolean }) {
  const actions = useWorkspaceActions();
  const [text, setText] = useState(() => textOf(kept));
  const [asking, setAsking] = useState(false);
  const changes = changesIn(kept, text);
  const save = async () => { await actions.editRetention(changes); toast("Saved"); };
  const saving = useSaving(async () => { if (deletesMore(kept, changes)) setAsking(true); else await save(); });
  return (
    <>
      <SaveForm saving={saving} fields={boxes.map((box) => box.field)} act="Save" disabled={!may || !Object.keys(changes).length}>
        <div className="grid gap-4 sm:grid-cols-2">
          {boxes.map(({ field, label, hint }) => <TextInput key={field} label={label} type="number" inputMode="numeric" min={1} max={7320} required={field === "trash_days"} disabled={!may} value={text[field]} onChange={(event) => setText({ ...text, [field]: event.target.value })} error={saving.problem?.field(field)} hint={field === "run_days" && kept.installation_run_days ? `With their messages. Empty: ${kept.installation_run_days} days, as this installation has it.` : hint} className="tabular" />)}
        </div>
      </SaveForm>
      <Confirm open={asking} onClose={() => setAsking(false)} title="Delete what is older?" act="Save and delete" text="What is older than that is deleted within the hour, and cannot be brought back." onConfirm={save} />
    </>
  );
}
