"use client";
// Where a second factor is asked for and somebody has none yet: they come in only as far as this.
import { EnrolFactor } from "@/components/factor/EnrolFactor";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { useSession } from "@/lib/session/SessionProvider";
import { DoorCard } from "./DoorCard";

export function FirstFactor() {
  const { phase, me, problem, reload, leave } = useSession();
  if (phase === "unreachable" && problem) return <ProblemPanel problem={problem} />;
  if (phase !== "enrolment" || !me) return <div role="status" aria-label="Loading" className="flex w-full max-w-[380px] flex-col gap-4"><Skeleton className="h-6 w-48" /><Skeleton className="h-40" /></div>;
  return (
    <DoorCard title="Set up a second factor" text="It is asked for here, beside your password. This takes a minute, then you are in.">
      <div className="flex flex-col gap-4">
        <EnrolFactor email={me.email} end="Kept. Go on" onDone={() => void reload()} />
        <p className="text-small text-muted">Signed in as {me.email}. <button type="button" className="text-accent underline underline-offset-4" onClick={() => void leave()}>Sign out</button></p>
      </div>
    </DoorCard>
  );
}
