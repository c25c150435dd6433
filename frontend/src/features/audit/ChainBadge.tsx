"use client";
import { LuShieldAlert, LuShieldCheck } from "react-icons/lu";
import { CopyButton } from "@/components/ui/CopyButton";
import { Skeleton } from "@/components/ui/Panels";
import { useAuditStanding } from "@/lib/api/resources/audit";
import { plural } from "@/lib/format/format";

/** Whether the log is as the product wrote it: sealed in time, and no seal broken. */
export function ChainBadge() {
  const { value, problem } = useAuditStanding();
  if (problem) return <p role="alert" className="text-small text-failed">Whether the log is whole could not be looked up: {problem.detail}</p>;
  if (!value) return <Skeleton className="h-5 w-64" />;
  const good = value.state === "good";
  const Icon = good ? LuShieldCheck : LuShieldAlert;
  const checked = value.checked;
  const how = checked ? `${checked.complete ? (checked.entries === 1 ? "its one entry was" : `all ${plural(checked.entries, "entry", "entries")} were`) : `the first ${plural(checked.entries, "entry", "entries")} were`} checked just now` : "";
  return (
    <div role="status" className={`flex flex-wrap items-center gap-x-3 gap-y-1 rounded-card border px-4 py-2.5 text-small ${good ? "border-border bg-raised" : "border-failed bg-removed-bg"}`}>
      <span className={`inline-flex items-center gap-2 font-medium ${good ? "text-succeeded" : "text-failed"}`}><Icon size={16} aria-hidden />{good ? "The chain is whole" : "The chain is not whole"}</span>
      <span className="min-w-0 flex-1 text-muted max-md:basis-full [overflow-wrap:anywhere]">{good ? how && `${how.charAt(0).toUpperCase()}${how.slice(1)}.` : `${value.problem || checked?.first_bad || "A seal does not fit its entry."} Tell whoever runs this server.`}</span>
      {value.head ? <CopyButton text={value.head} label="Copy signed head" words className="-my-1 -mr-2.5 max-md:mr-0 max-md:-ml-2.5" /> : null}
    </div>
  );
}
