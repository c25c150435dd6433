"use client";
import { useState, type FormEvent, type ReactNode } from "react";
import { LuMonitor, LuMoon, LuSun } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { cx } from "@/components/ui/classes";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useAccountActions } from "@/lib/api/resources/workspace";
import { useSession } from "@/lib/session/SessionProvider";
import { setTheme, useTheme, type Theme } from "@/lib/theme/theme";

function useSaving(work: () => Promise<unknown>, done: string) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try { await work(); toast(done); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return { busy, problem, submit: (event: FormEvent) => void submit(event) };
}

function Form({ saving, fields, act, disabled, children }: { saving: ReturnType<typeof useSaving>; fields: string[]; act: string; disabled: boolean; children: ReactNode }) {
  const { busy, problem, submit } = saving;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {children}
      {problem && !fields.some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      <Button type="submit" look="primary" size="small" className="self-start" busy={busy} disabled={disabled}>{act}</Button>
    </form>
  );
}

export function Profile() {
  const { me, reload } = useSession();
  const actions = useAccountActions();
  const [name, setName] = useState(me?.name ?? "");
  const saving = useSaving(async () => { await actions.renameMe(name.trim()); await reload(); }, "Saved");
  return (
    <Card title="You">
      <Form saving={saving} fields={["name"]} act="Save" disabled={name.trim() === (me?.name ?? "")}>
        <TextInput label="Name" autoComplete="name" maxLength={150} value={name} onChange={(event) => setName(event.target.value)} error={saving.problem?.field("name")} />
        <TextInput label="Email" value={me?.email ?? ""} readOnly disabled hint="You sign in with this." />
      </Form>
    </Card>
  );
}

export function Password() {
  const { me } = useSession();
  const actions = useAccountActions();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const saving = useSaving(async () => { await actions.changePassword(current, next); setCurrent(""); setNext(""); }, "Password changed. Other sessions are signed out.");
  return (
    <Card title="Password" note="Changing it signs you out everywhere else.">
      <Form saving={saving} fields={["current_password", "new_password"]} act="Change password" disabled={!current || !next}>
        <input type="text" autoComplete="username" value={me?.email ?? ""} readOnly hidden />
        <TextInput label="Present password" type="password" autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.target.value)} error={saving.problem?.field("current_password")} />
        <TextInput label="New password" type="password" autoComplete="new-password" value={next} onChange={(event) => setNext(event.target.value)} error={saving.problem?.field("new_password")} />
      </Form>
    </Card>
  );
}

const themes: { value: Theme; label: string; icon: typeof LuSun }[] = [
  { value: "system", label: "System", icon: LuMonitor }, { value: "light", label: "Light", icon: LuSun }, { value: "dark", label: "Dark", icon: LuMoon },
];

export function ThemeChoice() {
  const theme = useTheme();
  return (
    <Card title="Theme">
      <div role="radiogroup" aria-label="Theme" className="grid grid-cols-3 gap-2">
        {themes.map(({ value, label, icon: Icon }) => (
          <label key={value} className={cx("flex h-11 items-center justify-center gap-2 rounded-control border text-small has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent", theme === value ? "border-accent bg-accent-soft font-medium" : "border-border hover:bg-hover")}>
            <input type="radio" name="theme" className="sr-only" checked={theme === value} onChange={() => setTheme(value)} />
            <Icon size={16} aria-hidden className="shrink-0 max-sm:hidden" />{label}
          </label>
        ))}
      </div>
    </Card>
  );
}

export function WorkspaceName() {
  const { workspace, can, reload } = useSession();
  const actions = useAccountActions();
  const [name, setName] = useState(workspace?.name ?? "");
  const may = can("workspace.edit");
  const saving = useSaving(async () => { await actions.renameWorkspace(name.trim()); await reload(); }, "Saved");
  return (
    <Card title="Workspace" note={may ? undefined : "An owner or admin can change this."}>
      <Form saving={saving} fields={["name"]} act="Save" disabled={!may || !name.trim() || name.trim() === workspace?.name}>
        <TextInput label="Name" disabled={!may} maxLength={120} value={name} onChange={(event) => setName(event.target.value)} error={saving.problem?.field("name")} hint={workspace ? `Your role here: ${workspace.role}` : undefined} />
      </Form>
    </Card>
  );
}
