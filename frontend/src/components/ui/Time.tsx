"use client";
import { fullTime, when } from "@/lib/format/format";

export function Time({ at, className }: { at: string | null | undefined; className?: string }) {
  if (!at) return <span className={className}>–</span>;
  return <time dateTime={at} title={fullTime(at)} className={`tabular whitespace-nowrap ${className ?? ""}`}>{when(at)}</time>;
}
