"use client";
import { useEffect, useMemo, useState } from "react";
import { useRouter } from "next/navigation";
import { LuRotateCw, LuSquare, LuStepForward, LuX } from "react-icons/lu";
import { waitingWords } from "@/components/decisions/decision-words";
import { PageHeader } from "@/components/frame/PageHeader";
import { Button, ButtonLink, IconButton } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tabs } from "@/components/ui/Tabs";
import { toast } from "@/components/ui/Toast";
import { toProblem } from "@/lib/api/problem";
import { useRunActions, useRunRecord } from "@/lib/api/resources/runs";
import { useTools } from "@/lib/api/resources/workspace";
import type { Run } from "@/lib/api/types";
import { useWide } from "@/lib/layout/use-wide";
import { useSession } from "@/lib/session/SessionProvider";
import { isOver } from "@/lib/stream/run-state";
import { useRun, useRunMissing } from "@/lib/stream/use-stream";
import { EventList } from "./EventList";
import { RunDecisions } from "./RunDecisions";
import { RunFacts } from "./RunFacts";
import { SpanInspector } from "./SpanInspector";
import { extent, spansOf } from "./spans";
import { Waterfall } from "./Waterfall";

function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

export function RunPage({ id }: { id: string }) {
  const record = useRunRecord(id);
  const state = useRun(id);
  const missing = useRunMissing(id);
  const tools = useTools();
  const { cancel, retry, goOn } = useRunActions();
  const { me, can } = useSession();
  const router = useRouter();
  const [tab, setTab] = useState<"waterfall" | "events">("waterfall");
  const [chosen, setChosen] = useState<string | null>(null);
  const [stopping, setStopping] = useState(false);
  const [taking, setTaking] = useState(false);
  const isWide = useWide();
  const over = isOver(state.loaded ? state.status : (record.value?.status ?? "running"));
  const now = useNow(!over);
  const spans = useMemo(() => spansOf(state, (name) => tools.items?.find((tool) => tool.name === name)?.title || name.replaceAll("_", " ")), [state, tools.items]);
  const { from, to } = extent(state, spans, now);
  const span = spans.find((one) => one.id === chosen) ?? null;
  const reread = record.retry;

  useEffect(() => { if (state.endedAt) reread(); }, [state.endedAt]); // eslint-disable-line react-hooks/exhaustive-deps -- once, when it ends

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName))) return;
      const key = event.key.toLowerCase();
      const at = spans.findIndex((one) => one.id === chosen);
      const go = key === "j" ? spans[Math.min(at + 1, spans.length - 1)] : key === "k" ? spans[Math.max(at - 1, 0)] : key === "e" ? (spans.find((one) => one.state === "failed" && one.kind !== "step") ?? null) : undefined;
      if (key === "escape") { setChosen(null); return; }
      if (go === undefined) return;
      event.preventDefault();
      if (go === null) { toast("This run has no error"); return; }
      setTab("waterfall");
      setChosen(go.id);
      document.getElementById(`span-${go.id}`)?.scrollIntoView({ block: "nearest" });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [spans, chosen]);

  const stop = async () => {
    setStopping(true);
    try { await cancel(id); } catch (error) { toast(`Not stopped: ${toProblem(error).detail}`); setStopping(false); }
  };
  /** Only whoever started a run may have another one take over from it. */
  const mine = record.value !== undefined && record.value.started_by.id === me?.id && can("run.create");
  const takeOver = async (start: () => Promise<Run>, words: string) => {
    setTaking(true);
    try {
      const made = await start();
      toast(words);
      router.push(`/runs/${made.id}/`);
    } catch (error) { toast(`Not started: ${toProblem(error).detail}`); } finally { setTaking(false); }
  };
  const again = over && mine ? (step: number) => void takeOver(() => retry(id, step), `Trying again from step ${step}`) : undefined;
  const title = record.value ? `Run of ${record.value.agent.name}` : "Run";
  const back = { href: "/runs/", label: "Runs" };
  if (record.problem && !state.loaded) return <><PageHeader title="Run" back={back} /><ProblemPanel problem={record.problem} onRetry={record.retry} action={<ButtonLink href="/runs/" size="small">All runs</ButtonLink>} /></>;
  return (
    <>
      <PageHeader title={title} back={back}>
        {over && mine ? (
          <>
            {record.value?.status === "failed" || record.value?.status === "cancelled" ? <Button size="small" icon={LuStepForward} disabled={taking} onClick={() => void takeOver(() => goOn(id), "Going on in a new run")}>Continue</Button> : null}
            <Button size="small" icon={LuRotateCw} disabled={taking} onClick={() => void takeOver(() => retry(id), "Trying again in a new run")}>Try again</Button>
          </>
        ) : null}
        {over ? null : <Button size="small" icon={LuSquare} busy={stopping} onClick={() => void stop()}>{stopping ? "Stopping" : "Stop"}</Button>}
      </PageHeader>
      <div className="flex min-h-0 flex-1">
        <div className="flex min-w-0 flex-1 flex-col">
          <RunFacts record={record.value} state={state} now={now} />
          <Tabs label="Run" value={tab} onChange={setTab} className="px-6 max-md:px-4" tabs={[{ value: "waterfall", label: "Waterfall" }, { value: "events", label: "Events" }]}>
            {!state.loaded ? (missing ? <p className="px-6 py-8 text-center text-small text-muted">The steps of this run cannot be shown. {missing}</p> : <SkeletonRows rows={5} label="Loading steps" />)
              : tab === "waterfall" ? (spans.length ? <Waterfall spans={spans} from={from} to={to} chosen={chosen} onChoose={setChosen} onAgain={again} head={<RunDecisions state={state} waiting={waitingWords(record.value?.started_by, me?.id)} />} /> : <p className="px-6 py-8 text-center text-small text-muted">It has not started yet.</p>)
              : <EventList log={state.log} />}
          </Tabs>
        </div>
        {span && isWide ? (
          <aside aria-label={`Inspector: ${span.label}`} className="enter flex w-[380px] shrink-0 flex-col border-l border-border">
            <div className="flex h-11 shrink-0 items-center justify-between border-b border-border pl-4 pr-2"><h2 className="truncate text-small font-semibold">{span.label}</h2><IconButton icon={LuX} label="Close inspector" onClick={() => setChosen(null)} /></div>
            <div className="min-h-0 flex-1 overflow-y-auto px-4 py-3"><SpanInspector span={span} from={from} onAgain={again} /></div>
          </aside>
        ) : null}
      </div>
      {span && !isWide ? <Dialog open onClose={() => setChosen(null)} title={span.label} shape="right"><SpanInspector span={span} from={from} onAgain={again} /></Dialog> : null}
    </>
  );
}
