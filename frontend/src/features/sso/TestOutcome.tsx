"use client";
// What came of a test: shown when the browser comes back from the provider with its number behind the #.
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { Dialog } from "@/components/ui/Dialog";
import { ProblemNote, Skeleton } from "@/components/ui/Panels";
import { StateMark } from "@/components/ui/State";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useConnectionActions } from "@/lib/api/resources/sso";
import type { Group, Role, SsoConnection, SsoTest } from "@/lib/api/types";
import { roleWords } from "@/lib/rights/words";
import { clearHash, useHash } from "@/lib/route/use-hash";

type Props = { connections: SsoConnection[]; roles: Role[] | undefined; groups: Group[] | undefined };
type Found = { connection: SsoConnection; outcome: SsoTest };

export function TestOutcome({ connections, roles, groups }: Props) {
  const test = useHash("test");
  const actions = useConnectionActions();
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [closed, setClosed] = useState<string | null>(null);
  useEffect(() => {
    if (!test || found || problem) return;
    let live = true;
    const look = async () => {
      let missed: unknown = null;
      // The address names the test and not its connection; there are a handful of these at most.
      for (const connection of connections) {
        try {
          const outcome = await actions.outcome(connection.id, test);
          if (live) setFound({ connection, outcome });
          return;
        } catch (error) { missed = error; }
      }
      if (live) setProblem(toProblem(missed));
    };
    void look();
    return () => { live = false; };
  }, [test, connections, actions, found, problem]);
  const close = () => { setClosed(test); setFound(null); setProblem(null); clearHash(); };
  return (
    <Dialog wide open={Boolean(test) && closed !== test} onClose={close} title={found ? `Test of ${found.connection.name}` : "Test"} footer={<Button look="primary" onClick={close}>Done</Button>}>
      {problem ? (problem.status === 404 ? <p className="text-small">This test is over. A test is kept for an hour, for whoever made it.</p> : <ProblemNote problem={problem} />) : found ? <Outcome {...found} roles={roles} groups={groups} /> : <div role="status" aria-label="Loading the test" className="flex flex-col gap-2"><Skeleton className="h-5 w-56" /><Skeleton className="h-24" /></div>}
    </Dialog>
  );
}

function Outcome({ outcome, roles, groups }: Found & Omit<Props, "connections">) {
  if (!outcome.done) return <p className="text-small">The provider has not answered yet. Start the test again.</p>;
  const own = roles?.find((role) => role.id === outcome.role && !role.built_in);
  const inGroups = outcome.groups.map((id) => groups?.find((group) => group.id === id)?.name ?? id);
  const problems = outcome.problems as { code: string; detail: string }[];
  return (
    <div className="flex flex-col gap-4 text-small">
      <div className="flex flex-col gap-1">
        <StateMark state={outcome.ok ? "succeeded" : "failed"} word={outcome.ok ? "The provider’s answer is genuine" : "The sign-in did not come about"} />
        {outcome.detail ? <p className="[overflow-wrap:anywhere]">{outcome.detail}</p> : null}
        {outcome.ok ? <p className="text-muted">{outcome.counts ? "It is your own linked account: this test counts for requiring the provider, for an hour." : "It does not count for requiring the provider: link your own account first, under Sign-in security, and test as yourself."}</p> : null}
      </div>
      {outcome.ok ? (
        <dl className="grid grid-cols-[140px_1fr] gap-x-3 gap-y-1.5 max-sm:grid-cols-1 max-sm:gap-y-0.5">
          <dt className="text-muted">Named there as</dt><dd className="font-mono text-meta leading-5 [overflow-wrap:anywhere]">{outcome.subject}</dd>
          <dt className="text-muted">E-mail address</dt><dd className="[overflow-wrap:anywhere]">{outcome.email || "none"}{outcome.email ? outcome.email_verified ? ", vouched for" : ", not vouched for" : ""}</dd>
          <dt className="text-muted">Groups there</dt><dd className="[overflow-wrap:anywhere]">{outcome.groups_found.join(", ") || "none"}</dd>
          <dt className="text-muted">Would come in as</dt><dd>{outcome.role ? own?.name ?? roleWords(outcome.role).name : "nobody"}{inGroups.length ? `, in ${inGroups.join(", ")}` : ""}</dd>
        </dl>
      ) : null}
      {problems.length ? <div><p className="mb-1 font-medium">Somebody new could not join like this</p><ul className="list-disc pl-5">{problems.map((one) => <li key={one.code}>{one.detail}</li>)}</ul></div> : null}
      {Object.keys(outcome.claims).length ? (
        <section aria-label="Decoded claims">
          <div className="mb-1.5 flex items-center justify-between"><h3 className="font-medium">What the provider said, decoded</h3><CopyButton text={() => JSON.stringify(outcome.claims, null, 2)} label="Copy as JSON" words className="-my-1.5" /></div>
          <dl className="divide-y divide-border overflow-hidden rounded-control border border-border">
            {Object.entries(outcome.claims).map(([name, value]) => <div key={name} className="grid grid-cols-[140px_1fr] gap-x-3 px-3 py-1.5 max-sm:grid-cols-1"><dt className="text-muted [overflow-wrap:anywhere]">{name}</dt><dd className="min-w-0 font-mono text-meta leading-5 [overflow-wrap:anywhere]">{typeof value === "string" ? value : JSON.stringify(value)}</dd></div>)}
          </dl>
        </section>
      ) : null}
    </div>
  );
}
