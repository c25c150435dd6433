// The server names only days with runs; a chart needs the empty ones too.
import type { Totals } from "@/lib/api/types";

export type Day = { day: string } & Totals;

export function byDay(known: Day[], days: number, today: Date): Day[] {
  const named = new Map(known.map((day) => [day.day.slice(0, 10), day]));
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate());
  return Array.from({ length: days }, (_, i) => {
    const day = new Date(end - (days - 1 - i) * 86_400_000).toISOString().slice(0, 10);
    return { ...(named.get(day) ?? { tokens: 0, cost: null, runs: 0 }), day };
  });
}
