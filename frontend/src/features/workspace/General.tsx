"use client";
import { useState } from "react";
import { Confirm } from "@/components/ui/Dialog";
import { Switch, TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemNote, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { SaveForm } from "@/components/ui/SaveForm";
import { toast } from "@/components/ui/Toast";
import { useWorkspace, useWorkspaceActions } from "@/lib/api/resources/workspace";
import { useSaving } from "@/lib/forms/use-saving";
import { roleWords } from "@/lib/rights/words";
import { useSession } from "@/lib/session/SessionProvider";
import { RetentionCard } from "./RetentionCard";

export function General() {
  const { workspace, can } = useSession();
  return <><Name key={workspace?.id} /><SecondFactor />{can("retention.view") ? <RetentionCard /> : null}</>;
}

function Name() {
  const { workspace, can, reload } = useSession();
  const actions = useWorkspaceActions();
  const [name, setName] = useState(workspace?.name ?? "");
  const may = can("workspace.edit");
  const saving = useSaving(async () => { await actions.edit({ name: name.trim() }); await reload(); toast("Saved"); });
  return (
    <Card title="Workspace" note={may ? undefined : "An owner or admin can change this."}>
      <SaveForm saving={saving} fields={["name"]} act="Save" disabled={!may || !name.trim() || name.trim() === workspace?.name}>
        <TextInput label="Name" disabled={!may} maxLength={120} value={name} onChange={(event) => setName(event.target.value)} error={saving.problem?.field("name")} hint={workspace ? `Your role here: ${roleWords(workspace.role).name}` : undefined} />
      </SaveForm>
    </Card>
  );
}

function SecondFactor() {
  const { can, me } = useSession();
  const { value, problem, retry } = useWorkspace();
  const actions = useWorkspaceActions();
  const [asking, setAsking] = useState(false);
  const off = useSaving(async () => { await actions.edit({ require_second_factor: false }); toast("A second factor is no longer asked for"); });
  const on = value?.require_second_factor ?? false;
  const may = can("workspace.edit");
  return (
    <Card title="Second factor for everybody" note={may ? undefined : "An owner or admin can change this."}>
      {problem ? <ProblemPanel problem={problem} onRetry={retry} /> : null}
      {value ? (
        <div className="flex flex-col items-start gap-3">
          <p className="text-small text-muted">{on ? "Whoever has none is let in only as far as setting one up." : "Signing in takes the password alone, except for people who set up a second factor for themselves."}</p>
          <Switch label={on ? "Asked of everybody" : "Not asked for"} checked={on} disabled={!may || off.busy} onChange={(next) => { off.forget(); if (next) setAsking(true); else off.submit(); }} />
          <ProblemNote problem={off.problem} />
        </div>
      ) : problem ? null : <Skeleton className="h-5 w-56" />}
      <Confirm
        open={asking} onClose={() => setAsking(false)} title="Ask everybody for a second factor?" act="Ask for it"
        text={me?.second_factor.enrolled ? "Everybody in this workspace who has none is stopped at once, until they have set one up. API tokens go on working." : "Set one up for yourself first, under Sign-in security: otherwise you would lock yourself out."}
        onConfirm={async () => { await actions.edit({ require_second_factor: true }); toast("Everybody is asked for a second factor now"); }}
      />
    </Card>
  );
}
