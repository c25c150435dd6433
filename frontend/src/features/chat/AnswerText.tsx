"use client";
import { memo, useEffect, useSyncExternalStore } from "react";
import { cx } from "@/components/ui/classes";
import { splitBlocks } from "./split-blocks";

// Markdown is a large part of the scripts, and an empty chat needs none of it. Once it is here it is drawn with at once:
// no fallback shows in between, which would be the raw text for the blink of an eye.
type Block = (typeof import("./MarkdownBlock"))["default"];
let block: Block | null = null;
let coming: Promise<void> | null = null;
const waiting = new Set<() => void>();
const watch = (listener: () => void) => (waiting.add(listener), () => void waiting.delete(listener));

export function loadMarkdown(): void {
  coming ??= import("./MarkdownBlock").then((module) => {
    block = module.default;
    waiting.forEach((listener) => listener());
  }, () => { coming = null; }); // asked for again by the next text
}

// A saved chat needs it at once: it comes with the first scripts, not after the messages.
if (typeof window !== "undefined" && location.pathname.startsWith("/chats/")) loadMarkdown();

/** Finished blocks are drawn once; only the last one is drawn again while text arrives. */
function AnswerTextView({ text, open, small }: { text: string; open: boolean; small?: boolean }) {
  const Markdown = useSyncExternalStore(watch, () => block, () => null);
  useEffect(loadMarkdown, []);
  return (
    <div className={cx("prose", small && "prose-small", open && "streaming")}>
      {splitBlocks(text).map((source, i) => (Markdown ? <Markdown key={i} source={source} /> : <p key={i} dir="auto" className="late whitespace-pre-wrap">{source}</p>))}
    </div>
  );
}

export const AnswerText = memo(AnswerTextView);
