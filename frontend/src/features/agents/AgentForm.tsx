"use client";
import { LuPlus, LuX } from "react-icons/lu";
import { Button, IconButton } from "@/components/ui/Button";
import { TextArea, TextInput } from "@/components/ui/Field";
import { decimal } from "./amount";
import type { DraftEditor, EditorState } from "./draft-editor";
import { ModelPicker } from "./ModelPicker";
import { Section } from "./Section";
import { ToolPicker } from "./ToolPicker";

type Props = { state: EditorState; editor: DraftEditor; locked: boolean };

export function AgentForm({ state, editor, locked }: Props) {
  const { values, problem } = state;
  const { edit } = editor;
  const say = (field: string) => problem?.field(field);
  const setLimit = (field: "max_steps" | "max_tokens" | "max_seconds", text: string) => {
    const n = text.trim() === "" ? null : Number(text);
    if (n === null && field !== "max_tokens") return;
    if (n !== null && !Number.isFinite(n)) return;
    edit({ limits: { ...values.limits, [field]: n } });
  };
  const currency = values.limits.max_cost?.currency ?? "USD";
  const setCost = (text: string) => edit({ limits: { ...values.limits, max_cost: text.trim() === "" ? null : { amount: decimal(text), currency } } });
  return (
    <fieldset disabled={locked} className="min-w-0">
      <legend className="sr-only">The agent</legend>
      <Section title="Who">
        <TextInput label="Name" maxLength={120} value={values.name} onChange={(event) => edit({ name: event.target.value })} error={values.name.trim() ? say("name") : "Give the agent a name."} />
        <TextInput label="Description" maxLength={300} value={values.description} onChange={(event) => edit({ description: event.target.value })} error={say("description")} placeholder="What people use it for, in one line" />
        <TextArea label="Instructions" rows={9} value={values.instructions} onChange={(event) => edit({ instructions: event.target.value })} error={say("instructions")} placeholder="You are a careful research assistant. Name your sources. Say so when you are not sure." className="min-h-48 resize-y" />
      </Section>
      <Section title="Model"><ModelPicker value={values.model} fallbackName={state.agent.draft.model_name} onChange={(model) => edit({ model })} error={say("model")} disabled={locked} /></Section>
      <Section title="Tools" text="What the agent may use while it works. Each use shows in the chat."><ToolPicker value={values.tools} onChange={(tools) => edit({ tools })} disabled={locked} /></Section>
      <Section title="Ways to begin" text="Up to four questions offered in an empty chat.">
        <div className="flex flex-col gap-2">
          {values.starters.map((starter, i) => (
            <div key={i} className="flex items-center gap-1">
              <div className="min-w-0 flex-1"><TextInput label={`Question ${i + 1}`} hideLabel value={starter} maxLength={200} onChange={(event) => edit({ starters: values.starters.map((one, at) => (at === i ? event.target.value : one)) })} error={say(`starters.${i}`)} /></div>
              <IconButton icon={LuX} label={`Remove question ${i + 1}`} onClick={() => edit({ starters: values.starters.filter((_, at) => at !== i) })} />
            </div>
          ))}
          {values.starters.length < 4 ? <Button size="small" className="self-start" icon={LuPlus} onClick={() => edit({ starters: [...values.starters, ""] })}>Add a question</Button> : null}
        </div>
      </Section>
      <Section title="Limits" text="A run that reaches one of these stops and says so.">
        <div className="grid grid-cols-2 gap-x-3 gap-y-4">
          <TextInput label="Steps" type="number" inputMode="numeric" min={1} defaultValue={values.limits.max_steps} onChange={(event) => setLimit("max_steps", event.target.value)} error={say("limits.max_steps")} className="tabular" />
          <TextInput label="Seconds" type="number" inputMode="numeric" min={1} defaultValue={values.limits.max_seconds} onChange={(event) => setLimit("max_seconds", event.target.value)} error={say("limits.max_seconds")} className="tabular" />
          <TextInput label="Tokens" type="number" inputMode="numeric" min={1} defaultValue={values.limits.max_tokens ?? ""} placeholder="no limit" onChange={(event) => setLimit("max_tokens", event.target.value)} error={say("limits.max_tokens")} className="tabular" />
          <TextInput label="Cost" aside={<span className="text-meta text-muted">{currency}</span>} inputMode="decimal" defaultValue={values.limits.max_cost?.amount ?? ""} placeholder="no limit" onChange={(event) => setCost(event.target.value)} error={say("limits.max_cost")} className="tabular" />
        </div>
      </Section>
    </fieldset>
  );
}
