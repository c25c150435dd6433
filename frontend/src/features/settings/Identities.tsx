"use client";
// Sign-ins at one's organisation that lead to this account, and what came back from there.
import { useEffect, useState } from "react";
import { LuBuilding2 } from "react-icons/lu";
import { FactorForm } from "@/components/factor/FactorForm";
import { Button } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Card } from "@/components/ui/Page";
import { ProblemNote, ProblemPanel } from "@/components/ui/Panels";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { proofActions } from "@/lib/api/resources/account";
import { ssoActions, useConnections, useIdentities } from "@/lib/api/resources/sso";
import type { Identity } from "@/lib/api/types";
import { clearHash } from "@/lib/route/use-hash";
import { useSession } from "@/lib/session/SessionProvider";
import { whyNot } from "@/lib/sso/returned";
import { forgetReturn, useReturn } from "@/lib/sso/use-return";

const CONFIRMED = "Confirmed. Go back to the tab that you came from.";
type Way = { id: string; name: string };

/** Those that the domain of one's address leads to, and those of the workspace for who may see them. */
function useOffered(email: string | undefined): Way[] {
  const { can } = useSession();
  const connections = useConnections(can("sso.view"));
  const [found, setFound] = useState<Way[]>([]);
  useEffect(() => {
    if (!email) return;
    void ssoActions.discover(email).then(setFound, () => undefined);
  }, [email]);
  const own = connections.items?.filter((one) => one.enabled) ?? [];
  return [...found, ...own.filter((one) => !found.some((other) => other.id === one.id))];
}

export function Identities() {
  const { me } = useSession();
  const list = useIdentities();
  const offered = useOffered(me?.email);
  const [removing, setRemoving] = useState<Identity | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const back = useReturn();
  const asked = back?.what === "factor" ? back.asked : null;
  const refusal = back?.what === "failed" ? whyNot(back.code) : null;
  useEffect(() => {
    if (!back) return;
    clearHash();
    if (back.what !== "linked" && back.what !== "reauthenticated") return;
    toast(back.what === "linked" ? "Linked. You can sign in this way from now on." : CONFIRMED);
    forgetReturn();
  }, [back]);
  const free = offered.filter((way) => !list.items?.some((one) => one.connection === way.id));
  const link = async (connection: string) => {
    setProblem(null);
    try { location.assign(await ssoActions.link(connection)); } catch (error) { setProblem(toProblem(error)); }
  };
  const shown = Boolean(list.problem || list.items?.length || free.length || refusal || problem);
  return (
    <>
      {shown ? (
        <Card flush title="Sign-in with your organisation" note="Accounts elsewhere that let you in here.">
          {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
          {refusal ? <p role="alert" className="border-b border-border px-4 py-3 text-small text-failed">{refusal}</p> : null}
          {problem ? <div className="border-b border-border p-3"><ProblemNote problem={problem} /></div> : null}
          <ul className="divide-y divide-border">
            {list.items?.map((identity) => (
              <li key={identity.id} className="flex min-h-14 items-center gap-3 px-4 py-2">
                <LuBuilding2 size={20} aria-hidden className="shrink-0 text-muted" />
                <div className="min-w-0 flex-1"><p className="font-medium [overflow-wrap:anywhere]">{identity.name}</p><p className="text-small text-muted [overflow-wrap:anywhere]">{identity.email || identity.workspace} · linked <Time at={identity.created_at} />{identity.last_used_at ? <> · last used <Time at={identity.last_used_at} /></> : null}</p></div>
                <Button size="small" aria-label={`Unlink ${identity.name}`} onClick={() => setRemoving(identity)}>Unlink</Button>
              </li>
            ))}
            {free.map((way) => <li key={way.id} className="flex min-h-14 items-center gap-3 px-4 py-2"><LuBuilding2 size={20} aria-hidden className="shrink-0 text-muted" /><p className="min-w-0 flex-1 text-small [overflow-wrap:anywhere]"><span className="font-medium">{way.name}</span> <span className="text-muted">is not linked yet.</span></p><Button size="small" aria-label={`Link ${way.name}`} onClick={() => void link(way.id)}>Link</Button></li>)}
          </ul>
        </Card>
      ) : null}
      <Confirm open={removing !== null} onClose={() => setRemoving(null)} title={`Unlink ${removing?.name ?? ""}?`} act="Unlink" text="You cannot sign in this way any more, until you link it again." onConfirm={async () => { if (removing) await ssoActions.unlink(removing.id); toast("Unlinked"); }} />
      <Dialog open={asked !== null} onClose={forgetReturn} title="One more step" description="Now prove that it is you with your second factor.">
        {asked ? <FactorForm asked={asked} act="Confirm" onAgain={forgetReturn} onAnswer={async (method, response) => { await proofActions.factor(asked.challenge, method, response); forgetReturn(); toast(CONFIRMED); }} /> : null}
      </Dialog>
    </>
  );
}
