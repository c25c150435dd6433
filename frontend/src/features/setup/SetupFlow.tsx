"use client";
import { useRouter } from "next/navigation";
import { useEffect, useState, type ReactNode } from "react";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { useAgents } from "@/lib/api/resources/agents";
import { useProviders } from "@/lib/api/resources/providers";
import { useSession } from "@/lib/session/SessionProvider";
import { AgentStep } from "./AgentStep";
import { ModelStep } from "./ModelStep";
import { Steps } from "./Steps";
import { YouStep } from "./YouStep";

const words = [
  { title: "Set up your agent platform", text: "Three short steps, then you chat. First: who are you?" },
  { title: "Choose where answers come from", text: "A model on this machine, or a provider that you have a key for." },
  { title: "Make your first agent", text: "An agent is a model with a name and instructions. This one is ready to use as it is." },
];

export function SetupFlow({ connect }: { connect: (done: (provider: string) => void, back: () => void) => ReactNode }) {
  const { phase, problem } = useSession();
  const router = useRouter();
  const agents = useAgents();
  const providers = useProviders();
  const [here, setHere] = useState(false);
  const [provider, setProvider] = useState<string | null>(null);
  const [again, setAgain] = useState(false);
  const known = providers.items?.[0]?.id ?? null;
  const at = phase !== "ready" ? 0 : (provider ?? known) && !again ? 2 : 1;
  const finished = phase === "ready" && !here && (agents.items?.length ?? 0) > 0;

  useEffect(() => { if (finished) router.replace("/"); }, [finished, router]);

  if (phase === "unreachable" && problem) return <ProblemPanel problem={problem} />;
  const waiting = phase === "loading" || phase === "anonymous" || finished || (phase === "ready" && (agents.loading || providers.loading));
  const word = words[at];
  return (
    <div className="w-full max-w-[480px]">
      <Steps at={at} />
      <h1 className="text-title font-semibold">{word?.title}</h1>
      <p className="mb-5 mt-1 text-muted">{word?.text}</p>
      <div className="rounded-card border border-border bg-raised p-5">
        {waiting ? <div role="status" aria-label="Loading" className="flex flex-col gap-4"><Skeleton className="h-9" /><Skeleton className="h-9" /><Skeleton className="h-9" /></div>
          : at === 0 ? <YouStep onDone={() => setHere(true)} />
          : at === 1 ? <ModelStep connect={connect} onDone={(id) => { setHere(true); setProvider(id); setAgain(false); }} />
          : <AgentStep provider={provider ?? known} onBack={() => setAgain(true)} />}
      </div>
    </div>
  );
}
