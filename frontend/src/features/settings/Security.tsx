"use client";
import { useState } from "react";
import { LuEllipsis, LuKeyRound, LuPencil, LuPlus, LuSmartphone, LuTrash2 } from "react-icons/lu";
import { EnrolFactor } from "@/components/factor/EnrolFactor";
import { RecoveryCodes } from "@/components/factor/RecoveryCodes";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemNote, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { SaveForm } from "@/components/ui/SaveForm";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { accountActions, factorActions, useFactors } from "@/lib/api/resources/account";
import type { Factor, Factors } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { useSaving } from "@/lib/forms/use-saving";
import { useSession } from "@/lib/session/SessionProvider";
import { Identities } from "./Identities";

export function Security() {
  return <><Password /><SecondFactors /><Identities /></>;
}

function Password() {
  const { me } = useSession();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const saving = useSaving(async () => { await accountActions.changePassword(current, next); setCurrent(""); setNext(""); toast("Password changed. Other sessions are signed out."); });
  if (me && !me.has_password) return <Card title="Password"><p className="text-small text-muted">You have none here: you sign in through your organisation.</p></Card>;
  return (
    <Card title="Password" note="Changing it signs you out everywhere else.">
      <SaveForm saving={saving} fields={["current_password", "new_password"]} act="Change password" disabled={!current || !next}>
        <input type="text" autoComplete="username" value={me?.email ?? ""} readOnly hidden />
        <TextInput label="Present password" type="password" autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.target.value)} error={saving.problem?.field("current_password")} />
        <TextInput label="New password" type="password" autoComplete="new-password" value={next} onChange={(event) => setNext(event.target.value)} error={saving.problem?.field("new_password")} hint="A few words you can remember work well." />
      </SaveForm>
    </Card>
  );
}

function SecondFactors() {
  const { me, reload } = useSession();
  const { value, problem, loading, retry } = useFactors();
  const [adding, setAdding] = useState(false);
  const add = <Button size="small" icon={LuPlus} look={value?.results.length ? "plain" : "primary"} onClick={() => setAdding(true)}>Add a second factor</Button>;
  const done = () => { setAdding(false); toast("Second factor added. Other sessions are signed out."); void reload(); };
  return (
    <Card flush title="Second factors" note="Asked for after your password, so that a stolen password alone opens nothing." action={value?.results.length ? add : null}>
      {problem ? <ProblemPanel problem={problem} onRetry={retry} /> : null}
      {loading ? <SkeletonRows rows={2} label="Loading second factors" /> : null}
      {value?.results.length === 0 ? <Empty icon={LuSmartphone} title={value.required ? "Your workspace asks for a second factor" : "Only your password protects your account"} action={add}>Use an authenticator app on your phone, or a security key such as the fingerprint reader of this device.</Empty> : null}
      {value?.results.length ? <ul className="divide-y divide-border">{value.results.map((factor) => <FactorRow key={factor.id} factor={factor} last={value.results.length === 1} />)}</ul> : null}
      {value?.results.length ? <Codes factors={value} email={me?.email ?? ""} /> : null}
      <Dialog open={adding} onClose={() => { setAdding(false); retry(); }} title="Add a second factor">{adding ? <EnrolFactor email={me?.email ?? ""} onCancel={() => setAdding(false)} onDone={done} /> : null}</Dialog>
    </Card>
  );
}

function FactorRow({ factor, last }: { factor: Factor; last: boolean }) {
  const { reload } = useSession();
  const [doing, setDoing] = useState<"rename" | "remove" | null>(null);
  const Icon = factor.method === "webauthn" ? LuKeyRound : LuSmartphone;
  return (
    <li className="flex min-h-14 items-center gap-3 px-4 py-2">
      <Icon size={20} aria-hidden className="shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium" title={factor.name}>{factor.name}</p>
        <p className="text-small text-muted">{factor.method === "webauthn" ? "Security key" : "Authenticator app"} · added <Time at={factor.created_at} />{factor.last_used_at ? <> · last used <Time at={factor.last_used_at} /></> : " · not used yet"}</p>
      </div>
      <Menu trigger={<IconButton icon={LuEllipsis} label={`More for ${factor.name}`} />}>
        <MenuItem icon={LuPencil} onSelect={() => setDoing("rename")}>Rename</MenuItem>
        <MenuLine />
        <MenuItem icon={LuTrash2} danger onSelect={() => setDoing("remove")}>Remove</MenuItem>
      </Menu>
      {doing === "rename" ? <RenameFactor factor={factor} onClose={() => setDoing(null)} /> : null}
      <Confirm
        open={doing === "remove"} onClose={() => setDoing(null)} title={`Remove ${factor.name}?`} act="Remove"
        text={last ? "It is your only one: your recovery codes go too, and your password alone opens your account. All your other sessions are signed out." : "You cannot sign in with it any more. All your other sessions are signed out."}
        onConfirm={async () => { await factorActions.remove(factor.id); toast("Second factor removed"); await reload(); }}
      />
    </li>
  );
}

function RenameFactor({ factor, onClose }: { factor: Factor; onClose: () => void }) {
  const [name, setName] = useState(factor.name);
  const { busy, problem, submit } = useSaving(async () => { await factorActions.rename(factor.id, name.trim()); onClose(); });
  return (
    <Dialog open onClose={onClose} title="Rename" footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => submit()}>Save</Button></>}>
      <form className="flex flex-col gap-3" onSubmit={submit}>
        <TextInput label="Name" autoFocus maxLength={60} value={name} onChange={(event) => setName(event.target.value)} error={problem?.field("name")} />
        {problem && !problem.field("name") ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}

function Codes({ factors, email }: { factors: Factors; email: string }) {
  const [asking, setAsking] = useState(false);
  const [codes, setCodes] = useState<string[] | null>(null);
  const left = factors.recovery_codes_left;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-border px-4 py-3">
      <p className={`min-w-40 flex-1 text-small ${left !== null && left < 3 ? "text-waiting" : "text-muted"}`}>{left === null ? "You have no recovery codes: without your second factor you would be locked out." : `${plural(left, "recovery code")} left, for when your second factor is out of reach.`}</p>
      <Button size="small" onClick={() => setAsking(true)}>{left === null ? "Make recovery codes" : "Make new codes"}</Button>
      <Confirm open={asking} onClose={() => setAsking(false)} title="Make new recovery codes?" act="Make new codes" text="You get ten new ones. Those that you have stop working at once." onConfirm={async () => setCodes(await factorActions.newCodes())} />
      <Dialog open={codes !== null} onClose={() => setCodes(null)} title="Your recovery codes">{codes ? <RecoveryCodes codes={codes} email={email} act="I have kept them" onDone={() => setCodes(null)} /> : null}</Dialog>
    </div>
  );
}
