"use client";
import Link from "next/link";
import { useState, type ReactNode } from "react";
import { LuChartColumn } from "react-icons/lu";
import { ButtonLink } from "@/components/ui/Button";
import { Select } from "@/components/ui/Field";
import { Card, TableBox } from "@/components/ui/Page";
import { Empty, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { useUsage } from "@/lib/api/resources/workspace";
import type { Money, Totals } from "@/lib/api/types";
import { compact, count, dayName, money, plural } from "@/lib/format/format";
import { byDay } from "./by-day";

function Figure({ label, value, note }: { label: string; value: string; note: ReactNode }) {
  return <div className="rounded-card border border-border bg-raised px-4 py-3"><h2 className="text-small text-muted">{label}</h2><p className="tabular text-figure font-semibold">{value}</p><p className="tabular text-small text-muted">{note}</p></div>;
}

const priced = (cost: Money): string => (cost ? money(cost) : "–");
const beside = (totals: Totals) => `${compact(totals.tokens)} tokens, ${plural(totals.runs, "run")}`;

export function UsageReport() {
  const [days, setDays] = useState(30);
  const { value, problem, loading, retry } = useUsage(days);
  if (problem) return <Card flush><ProblemPanel problem={problem} onRetry={retry} /></Card>;
  if (loading || !value) return <div role="status" aria-label="Loading usage" className="flex flex-col gap-4"><div className="grid grid-cols-3 gap-4 max-md:grid-cols-1"><Skeleton className="h-[104px] rounded-card" /><Skeleton className="h-[104px] rounded-card" /><Skeleton className="h-[104px] rounded-card" /></div><Skeleton className="h-52 rounded-card" /><Skeleton className="h-40 rounded-card" /></div>;
  const today = new Date();
  const daysInMonth = new Date(today.getUTCFullYear(), today.getUTCMonth() + 1, 0).getDate();
  const forecast: Money = value.month.cost ? { ...value.month.cost, amount: String((Number(value.month.cost.amount) / today.getUTCDate()) * daysInMonth) } : null;
  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-3 gap-4 max-md:grid-cols-1">
        <Figure label="Today" value={priced(value.today.cost)} note={beside(value.today)} />
        <Figure label="This month" value={priced(value.month.cost)} note={beside(value.month)} />
        <Figure label="Forecast for the month" value={priced(forecast)} note={forecast ? "if it goes on like this" : "needs models with a price"} />
      </div>
      <Card
        flush title="Tokens per day"
        action={<div className="w-36"><Select label="Period" hideLabel value={days} onChange={(event) => setDays(Number(event.target.value))}><option value={7}>7 days</option><option value={30}>30 days</option><option value={90}>90 days</option></Select></div>}
      >
        {value.by_day.some((day) => day.runs > 0) ? <DayBars days={byDay(value.by_day, days, today)} /> : <Empty icon={LuChartColumn} title="Nothing was used in this time" action={<ButtonLink href="/" size="small">New chat</ButtonLink>} />}
      </Card>
      <div className="grid grid-cols-2 gap-4 max-lg:grid-cols-1">
        <Card flush title="By agent"><Table label="Usage by agent" first="Agent" rows={value.by_agent.map((row) => ({ key: row.agent.id, name: <Link href={`/agents/${row.agent.id}/`} prefetch={false} className="font-medium text-accent hover:underline">{row.agent.name}</Link>, totals: row }))} /></Card>
        <Card flush title="By model"><Table label="Usage by model" first="Model" rows={value.by_model.map((row) => ({ key: row.model_name, name: <span className="font-medium">{row.model_name}</span>, totals: row }))} /></Card>
      </div>
    </div>
  );
}

function DayBars({ days }: { days: ({ day: string } & Totals)[] }) {
  const most = Math.max(1, ...days.map((day) => day.tokens));
  return (
    <figure className="px-4 pb-3 pt-4">
      <div className="flex h-36 items-end gap-[3px]" role="img" aria-label={`Tokens per day over ${days.length} days, at most ${count(most)} in a day`}>
        {days.map((day) => (
          <div key={day.day} title={`${dayName(day.day)}: ${count(day.tokens)} tokens, ${priced(day.cost)}, ${plural(day.runs, "run")}`} className="flex h-full min-w-0 flex-1 items-end rounded-[2px] hover:bg-hover">
            <div className="w-full rounded-t-[2px] bg-accent" style={{ height: day.tokens ? `max(2px, ${(day.tokens / most) * 100}%)` : "0" }} />
          </div>
        ))}
      </div>
      <figcaption className="tabular mt-1.5 flex justify-between border-t border-border pt-1.5 text-meta text-muted"><span>{days[0] ? dayName(days[0].day) : ""}</span><span>at most {compact(most)} a day</span><span>today</span></figcaption>
    </figure>
  );
}

function Table({ label, first, rows }: { label: string; first: string; rows: { key: string; name: ReactNode; totals: Totals }[] }) {
  if (!rows.length) return <p className="px-4 py-3 text-small text-muted">Nothing in this time.</p>;
  return (
    <TableBox label={label}>
      <thead><tr><th scope="col">{first}</th><th scope="col" className="text-right!">Runs</th><th scope="col" className="text-right!">Tokens</th><th scope="col" className="text-right!">Cost</th></tr></thead>
      <tbody>{rows.map((row) => <tr key={row.key}><td className="max-w-56 truncate">{row.name}</td><td className="tabular text-right">{count(row.totals.runs)}</td><td className="tabular text-right">{compact(row.totals.tokens)}</td><td className="tabular text-right whitespace-nowrap">{priced(row.totals.cost)}</td></tr>)}</tbody>
    </TableBox>
  );
}
