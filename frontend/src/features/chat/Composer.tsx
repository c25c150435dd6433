"use client";
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { LuArrowUp, LuSquare } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import type { Mode } from "@/lib/api/types";
import { keepText, keptText } from "@/lib/kept/kept-text";

type Props = {
  place: string; disabled?: boolean; running: boolean; waiting?: boolean; stopping: boolean; placeholder: string; label: string;
  onSend: (text: string, mode: Mode) => Promise<boolean>; onStop: () => void; left?: ReactNode; error?: string; autoFocus?: boolean;
};

const LINE = 26;
const MAX = LINE * 8 + 24;
const hints: Record<Mode, string> = { queue: "Next message: waits its turn", steer: "Tell it now: read at its next step", interrupt: "Next message: stops the answer" };
/** What waits for a person is answered on its card: the box is for what comes after. */
const waitingHints: Record<Mode, string> = { ...hints, queue: "Answer above; this waits its turn", steer: "Answer above; this is read after it" };
const sends: Record<Mode, string> = { queue: "Send: it waits for its turn", steer: "Send: it is read before the next step", interrupt: "Send: it stops the answer above" };
const modes: { value: Mode; label: string }[] = [{ value: "queue", label: "Queue" }, { value: "steer", label: "Steer" }, { value: "interrupt", label: "Interrupt" }];

export function Composer({ place, disabled, running, waiting, stopping, placeholder, label, onSend, onStop, left, error, autoFocus = true }: Props) {
  // What was on its way when the page was left comes back, before what was only typed.
  const [text, setText] = useState(() => keptText(`${place}.sending`) || keptText(place));
  const [wish, setWish] = useState<Mode>("queue");
  const mode: Mode = running ? wish : "queue";
  const hint = running ? (waiting ? waitingHints : hints)[mode] : placeholder;
  const box = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, MAX)}px`;
  }, [text, hint]);

  useEffect(() => {
    if (autoFocus && !matchMedia("(pointer: coarse)").matches) box.current?.focus({ preventScroll: true });
  }, [autoFocus]);

  const write = (value: string) => { setText(value); keepText(place, value); };
  const send = async () => {
    const message = text.trim();
    if (!message || disabled) return;
    write("");
    const sent = await onSend(message, mode);
    if (sent) setWish("queue");
    if (!sent) setText((now) => { const back = now ? `${message}\n${now}` : message; keepText(place, back); return back; });
    box.current?.focus({ preventScroll: true });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) { event.preventDefault(); void send(); }
  };
  const round = "inline-flex size-9 shrink-0 items-center justify-center rounded-control transition-colors duration-[120ms] max-md:size-10";

  return (
    <form
      onSubmit={(event) => { event.preventDefault(); void send(); }}
      className={cx("rounded-[14px] border bg-raised px-3 pb-2 pt-1 transition-colors duration-[120ms] focus-within:border-accent", error ? "border-failed" : "border-border-strong")}
    >
      <textarea
        ref={box} data-composer rows={1} value={text} onChange={(event) => write(event.target.value)} onKeyDown={onKey} placeholder={hint} aria-label={label} disabled={disabled}
        aria-invalid={error ? true : undefined} enterKeyHint="send" dir="auto"
        className="block w-full resize-none bg-transparent px-1 py-2.5 text-chat outline-none disabled:opacity-60"
      />
      <div className="flex items-center gap-1.5">
        <div className="flex min-w-0 flex-1 items-center gap-1"><div className={cx("flex min-w-0", running && "max-md:hidden")}>{left}</div></div>
        {running ? <ModeChoice mode={mode} onChange={setWish} /> : null}
        {running ? (
          <button type="button" onClick={onStop} disabled={stopping} aria-label={stopping ? "Stopping" : "Stop"} title="Stop (Esc)" className={cx(round, "border border-border-strong bg-raised text-text hover:bg-hover disabled:opacity-50")}>
            <LuSquare size={14} fill="currentColor" aria-hidden />
          </button>
        ) : null}
        {running && !text.trim() ? null : (
          <button type="submit" disabled={disabled || !text.trim()} aria-label={running ? sends[mode] : "Send"} title={running ? sends[mode] : "Send"} className={cx(round, text.trim() && !disabled ? "bg-accent text-accent-text hover:bg-accent-hover" : "bg-hover text-muted")}>
            <LuArrowUp size={20} aria-hidden />
          </button>
        )}
      </div>
    </form>
  );
}

/** While an answer is coming: does the next message wait for it, reach it, or stop it? */
function ModeChoice({ mode, onChange }: { mode: Mode; onChange: (mode: Mode) => void }) {
  return (
    <div role="radiogroup" aria-label="The next message" className="inline-flex shrink-0 rounded-control border border-border p-0.5">
      {modes.map(({ value, label }) => (
        <label key={value} title={sends[value]} className={cx("inline-flex h-7 items-center rounded-small px-2 text-meta font-medium has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent max-md:h-8", mode === value ? "bg-hover text-text" : "text-muted hover:text-text")}>
          <input type="radio" name="mode" value={value} checked={mode === value} onChange={() => onChange(value)} className="sr-only" />{label}
        </label>
      ))}
    </div>
  );
}
