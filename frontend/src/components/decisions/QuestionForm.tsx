"use client";
import type { KeyboardEvent } from "react";
import { Button } from "@/components/ui/Button";
import { TextArea } from "@/components/ui/Field";

type Props = { options: string[]; text: string; onText: (text: string) => void; onDecide: (resolution: string, result?: string) => void; busy: string | null; error?: string };

/** An answer: one that was offered, one's own, or none. */
export function QuestionForm({ options, text, onText, onDecide, busy, error }: Props) {
  const send = () => { if (text.trim()) onDecide("answer", text.trim()); };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) { event.preventDefault(); send(); }
  };
  return (
    <form className="flex flex-col gap-3" onSubmit={(event) => { event.preventDefault(); send(); }}>
      {options.length ? (
        <div role="group" aria-label="Offered answers" className="flex flex-wrap gap-2">
          {options.map((option, i) => (
            <Button key={i} busy={busy === `answer ${option}`} onClick={() => onDecide("answer", option)} className="h-auto! min-h-9 max-w-full border-border-strong! py-1.5 text-left whitespace-normal! [overflow-wrap:anywhere] max-md:min-h-11 max-md:w-full max-md:justify-start">{option}</Button>
          ))}
        </div>
      ) : null}
      <TextArea
        label={options.length ? "Or in your own words" : "Your answer"} rows={2} value={text} onChange={(event) => onText(event.target.value)} onKeyDown={onKey}
        error={error} className="field-sizing-content max-h-60 min-h-11 resize-none" enterKeyHint="send"
      />
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Button type="submit" look={text.trim() ? "primary" : "plain"} disabled={!text.trim()} busy={busy !== null && busy === `answer ${text.trim()}`}>Send answer</Button>
        <Button look="quiet" busy={busy === "decline "} onClick={() => onDecide("decline")}>Rather not say</Button>
      </div>
    </form>
  );
}
