"use client";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/ui/Button";
import { TextArea, TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemNote } from "@/components/ui/Panels";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useAgentActions } from "@/lib/api/resources/agents";
import { useModels, useProviderActions } from "@/lib/api/resources/providers";
import { ModelPicker } from "./ModelPicker";

export function NewAgent() {
  const router = useRouter();
  const actions = useAgentActions();
  const models = useModels({ enabled: true });
  const { models: readModels } = useProviderActions();
  const [name, setName] = useState("");
  const [instructions, setInstructions] = useState("");
  const [picked, setPicked] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const model = picked ?? models.items?.[0]?.id ?? null;
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      // Whoever is faster than the list of models gets the one that it would have shown chosen.
      const first = model ?? (models.loading ? (await readModels({ enabled: true }))[0]?.id : null);
      const agent = await actions.create({ name: name.trim(), instructions, ...(first ? { model: first } : {}) });
      router.push(`/agents/${agent.id}/`);
    } catch (error) { setProblem(toProblem(error)); setBusy(false); }
  };
  const atField = ["name", "instructions", "model"].some((field) => problem?.field(field));
  return (
    <Card>
      <form className="flex flex-col gap-5" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <TextInput label="Name" required autoFocus maxLength={120} value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} placeholder="Research assistant" />
        <TextArea label="Instructions" rows={6} value={instructions} onChange={(event) => setInstructions(event.target.value)} error={problem?.field("instructions")} placeholder="Who it is, how it should answer, what it should leave alone." />
        <div className="flex flex-col gap-1.5"><span className="text-small font-medium">Model</span><ModelPicker value={model} onChange={setPicked} error={problem?.field("model")} /></div>
        {problem && !atField ? <ProblemNote problem={problem} /> : null}
        <div className="flex items-center justify-between gap-4"><p className="text-small text-muted">It starts as a draft. You try it, then publish it.</p><Button type="submit" look="primary" busy={busy} disabled={!name.trim()}>Create draft</Button></div>
      </form>
    </Card>
  );
}
