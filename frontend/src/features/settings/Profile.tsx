"use client";
import { useState } from "react";
import { LuMailCheck, LuMonitor, LuMoon, LuSun } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { SaveForm } from "@/components/ui/SaveForm";
import { toast } from "@/components/ui/Toast";
import { accountActions } from "@/lib/api/resources/account";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";
import { setTheme, useTheme, type Theme } from "@/lib/theme/theme";

export function Profile() {
  return <><Name /><Email /><ThemeChoice /></>;
}

function Name() {
  const { me, reload } = useSession();
  const [name, setName] = useState(me?.name ?? "");
  const saving = useSaving(async () => { await accountActions.rename(name.trim()); await reload(); toast("Saved"); });
  return (
    <Card title="You">
      <SaveForm saving={saving} fields={["name"]} act="Save" disabled={name.trim() === (me?.name ?? "")}>
        <TextInput label="Name" autoComplete="name" maxLength={150} value={name} onChange={(event) => setName(event.target.value)} error={saving.problem?.field("name")} hint="How others see you in this workspace." />
      </SaveForm>
    </Card>
  );
}

function Email() {
  const { me } = useSession();
  const [email, setEmail] = useState("");
  const [said, setSaid] = useState<string | null>(null);
  const saving = useSaving(async () => {
    setSaid((await accountActions.changeEmail(email.trim())).detail);
    setEmail("");
  });
  return (
    <Card title="E-mail address" note={<>You sign in with <span className="text-text [overflow-wrap:anywhere]">{me?.email}</span>.</>}>
      <SaveForm saving={saving} fields={["email"]} act="Change address" disabled={!email.trim()}>
        <TextInput label="New address" type="email" autoComplete="email" maxLength={254} value={email} onChange={(event) => { setEmail(event.target.value); setSaid(null); }} error={saving.problem?.field("email")} hint="Both addresses get a mail with a link. It holds once both are opened, and signs you out everywhere." />
        {said ? <p role="status" className="flex items-start gap-2 text-small text-succeeded"><LuMailCheck size={16} className="mt-0.5 shrink-0" aria-hidden />{said}</p> : null}
      </SaveForm>
    </Card>
  );
}

const themes: { value: Theme; label: string; icon: typeof LuSun }[] = [
  { value: "system", label: "System", icon: LuMonitor }, { value: "light", label: "Light", icon: LuSun }, { value: "dark", label: "Dark", icon: LuMoon },
];

function ThemeChoice() {
  const theme = useTheme();
  return (
    <Card title="Theme" note="In this browser.">
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
