// Numbers as people read them. Money keeps its unknowns: a missing price is never shown as zero.
import type { Money } from "@/lib/api/types";

export function money(value: Money | undefined): string {
  if (!value) return "no price";
  const amount = Number(value.amount);
  if (!Number.isFinite(amount)) return "no price";
  const small = amount !== 0 && Math.abs(amount) < 0.01;
  if (small && Math.abs(amount) < 0.0001) return `< ${symbol(value.currency, 0.0001, 4)}`;
  return symbol(value.currency, amount, small ? 4 : 2);
}

function symbol(currency: string, amount: number, digits: number): string {
  try {
    return new Intl.NumberFormat("en-US", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount);
  } catch {
    return `${amount.toFixed(digits)} ${currency}`;
  }
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < 0) return "0 ms";
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export const between = (from: string | null | undefined, to: string | null | undefined): number | null =>
  from && to ? Date.parse(to) - Date.parse(from) : null;

const whole = new Intl.NumberFormat("en-US");
export const count = (n: number | null | undefined): string => (n === null || n === undefined ? "–" : whole.format(n));

export function compact(n: number | null | undefined): string {
  if (n === null || n === undefined) return "–";
  if (n < 1000) return String(n);
  if (n < 1_000_000) return `${trim(n / 1000)}k`;
  return `${trim(n / 1_000_000)}M`;
}
const trim = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toFixed(1).replace(/\.0$/, ""));

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const calendar = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const complete = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A short time: the clock for today, the day for this year, the date otherwise. */
export function when(at: string | null | undefined, now: Date = new Date()): string {
  if (!at) return "–";
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return "–";
  if (then.toDateString() === now.toDateString()) return clock.format(then);
  return then.getFullYear() === now.getFullYear() ? date.format(then) : dated.format(then);
}
/** A day of the server's calendar, which has no time zone. */
export const dayName = (day: string): string => calendar.format(new Date(`${day}T00:00:00Z`));
/** The day of a moment, for what lasts longer than today. */
export const dayOf = (at: string): string => dated.format(new Date(at));
export const fullTime = (at: string): string => complete.format(new Date(at));
export const clockTime = (at: string | Date): string => clock.format(new Date(at));
