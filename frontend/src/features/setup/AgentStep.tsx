"use client";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/ui/Button";
import { Select, TextArea, TextInput } from "@/components/ui/Field";
import { ProblemNote, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { newKey } from "@/lib/api/client";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useAgentActions } from "@/lib/api/resources/agents";
import { useConversationActions } from "@/lib/api/resources/conversations";
import { useModels, useProviderActions } from "@/lib/api/resources/providers";
import { useTools } from "@/lib/api/resources/workspace";

const INSTRUCTIONS = "You are a helpful assistant for our team. Answer briefly and plainly. Say so when you are not sure.";
const HELLO = "Introduce yourself in two sentences and tell me what I can ask you.";

/** Makes and publishes the agent, asks it the first question, and opens the chat while it answers. */
export function AgentStep({ provider, onBack }: { provider: string | null; onBack: () => void }) {
  const router = useRouter();
  const models = useModels(provider ? { provider } : {});
  const tools = useTools();
  const agents = useAgentActions();
  const providers = useProviderActions();
  const chats = useConversationActions();
  const [name, setName] = useState("Assistant");
  const [instructions, setInstructions] = useState(INSTRUCTIONS);
  const [picked, setPicked] = useState<string | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const model = models.items?.find((one) => one.id === picked) ?? models.items?.[0];

  const submit = async () => {
    if (!model) return;
    setBusy(true);
    setProblem(null);
    try {
      if (!model.enabled) await providers.editModel(model.id, { enabled: true });
      const safe = model.capabilities.tools ? (tools.items ?? []).filter((tool) => tool.effect === "read").map((tool) => tool.name) : [];
      const id = made ?? (await agents.create({ name: name.trim(), instructions: instructions.trim(), model: model.id, tools: safe, starters: ["What can you do for me?", "Help me write a short message", "Explain something step by step"] })).id;
      setMade(id);
      try { await agents.publish(id, ""); } catch (error) { if (toProblem(error).code !== "nothing_to_publish") throw error; }
      const { conversation } = await chats.start(id, HELLO, newKey());
      router.push(`/chats/${conversation}/`);
    } catch (error) {
      setProblem(toProblem(error));
      setBusy(false);
    }
  };
  if (models.problem) return <ProblemPanel problem={models.problem} onRetry={models.retry} />;
  if (models.items?.length === 0) return <div className="flex flex-col gap-4"><p>This provider offers no models yet. For Ollama, fetch one with <code className="font-mono text-small">ollama pull llama3.1</code>, then look again.</p><div className="flex gap-2"><Button onClick={onBack}>Back</Button><Button look="primary" onClick={models.retry}>Look again</Button></div></div>;
  const atField = ["name", "instructions", "model"].some((field) => problem?.field(field));
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <TextInput label="Name" required maxLength={120} value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} />
      <TextArea label="Instructions" rows={4} value={instructions} onChange={(event) => setInstructions(event.target.value)} error={problem?.field("instructions")} hint="Who it is and how it should answer. You can refine this any time." />
      {models.loading ? <Skeleton className="h-9" /> : (
        <Select label="Model" value={model?.id ?? ""} onChange={(event) => setPicked(event.target.value)} error={problem?.field("model")}>
          {models.items?.map((one) => <option key={one.id} value={one.id}>{one.label || one.name}{one.local && one.provider_kind !== "demo" ? " (local)" : ""}</option>)}
        </Select>
      )}
      {problem && !atField ? <ProblemNote problem={problem} /> : null}
      <Button type="submit" look="primary" busy={busy} disabled={!model || tools.loading} className="h-10">Create and say hello</Button>
    </form>
  );
}
