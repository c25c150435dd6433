import type { IconType } from "react-icons";
import { LuBan, LuCircleCheck, LuCircleHelp, LuCircleX, LuClock, LuHourglass, LuLoaderCircle } from "react-icons/lu";
import { cx } from "./classes";

export type StateName = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "unknown";

const looks: Record<StateName, { icon: IconType; word: string; colour: string }> = {
  queued: { icon: LuClock, word: "Queued", colour: "text-cancelled" },
  running: { icon: LuLoaderCircle, word: "Running", colour: "text-running" },
  waiting: { icon: LuHourglass, word: "Waiting", colour: "text-waiting" },
  succeeded: { icon: LuCircleCheck, word: "Succeeded", colour: "text-succeeded" },
  failed: { icon: LuCircleX, word: "Failed", colour: "text-failed" },
  cancelled: { icon: LuBan, word: "Stopped", colour: "text-cancelled" },
  unknown: { icon: LuCircleHelp, word: "Unknown", colour: "text-unknown" },
};

export const stateWord = (state: StateName): string => looks[state].word;

/** A state is always a picture, a word and a colour: never a colour alone. */
export function StateMark({ state, word, className }: { state: StateName; word?: string; className?: string }) {
  const look = looks[state] ?? looks.unknown;
  return (
    <span className={cx("inline-flex items-center gap-1.5 align-middle whitespace-nowrap", look.colour, className)}>
      <look.icon size={16} className={state === "running" ? "spin" : undefined} aria-hidden />
      <span>{word ?? look.word}</span>
    </span>
  );
}

export function Tag({ children, tone = "plain" }: { children: React.ReactNode; tone?: "plain" | "accent" | "waiting" }) {
  const tones = { plain: "border-border text-muted", accent: "border-transparent bg-accent-soft text-accent", waiting: "border-waiting text-waiting" };
  return <span className={cx("inline-flex h-5 items-center rounded-small border px-1.5 text-meta whitespace-nowrap", tones[tone])}>{children}</span>;
}
