"use client";
import { useState } from "react";
import { LuDownload } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Card } from "@/components/ui/Page";
import { ProblemNote } from "@/components/ui/Panels";
import { accountActions } from "@/lib/api/resources/account";
import { saveFile } from "@/lib/files/save-file";
import { useSaving } from "@/lib/forms/use-saving";
import { forgetSession } from "@/lib/session/token";
import { useSession } from "@/lib/session/SessionProvider";

export function Privacy() {
  return <><Download /><Erase /></>;
}

function Download() {
  const { busy, problem, submit } = useSaving(async () => {
    const { blob, name } = await accountActions.download();
    saveFile(blob, name);
  });
  return (
    <Card title="Download your data" note="Your profile, chats, runs, agents and sign-ins, as a ZIP of JSON for programs and Markdown to read.">
      <div className="flex flex-col items-start gap-3">
        <ProblemNote problem={problem} />
        <Button size="small" icon={LuDownload} busy={busy} onClick={() => submit()}>{busy ? "Gathering it" : "Download my data"}</Button>
      </div>
    </Card>
  );
}

function Erase() {
  const { me } = useSession();
  const [asking, setAsking] = useState(false);
  const [confirm, setConfirm] = useState("");
  const saving = useSaving(async () => {
    const { code } = await accountActions.erase(confirm.trim());
    forgetSession();
    try { sessionStorage.clear(); } catch { /* nothing was kept */ }
    // A full load: nothing of this person stays in memory, and the code stands where only this browser sees it.
    location.assign(`/erasure/#code=${encodeURIComponent(code)}&just=1`); // eslint-disable-line @next/next/no-location-assign-relative-destination -- the full load is the point
  });
  const close = () => { setAsking(false); setConfirm(""); saving.forget(); };
  const { busy, problem, submit } = saving;
  return (
    <Card title="Erase me">
      <div className="flex flex-col items-start gap-3">
        <p className="text-small text-muted">Your chats, runs, tokens and everything that says who you are go for good. Agents that you made pass to an owner of the workspace; a workspace where you are alone is emptied. You get a code with which the erasure can be proven.</p>
        <Button size="small" look="danger" onClick={() => setAsking(true)}>Erase me</Button>
      </div>
      <Dialog
        open={asking} onClose={close} title="Erase everything about you?" description="It begins at once and cannot be undone. You are signed out everywhere."
        footer={<><Button onClick={close}>Cancel</Button><Button look="danger" busy={busy} disabled={!confirm.trim()} onClick={() => submit()}>Erase me for good</Button></>}
      >
        <form className="flex flex-col gap-3" onSubmit={submit}>
          <TextInput label="Your e-mail address" autoComplete="off" autoFocus spellCheck={false} value={confirm} onChange={(event) => setConfirm(event.target.value)} error={problem?.field("confirm")} hint={<>Type <span className="text-text [overflow-wrap:anywhere]">{me?.email}</span> to confirm.</>} />
          {problem && !problem.field("confirm") ? <ProblemNote problem={problem} /> : null}
        </form>
      </Dialog>
    </Card>
  );
}
