"use client";
import { lazy, memo, Suspense } from "react";
import { cx } from "@/components/ui/classes";
import { splitBlocks } from "./split-blocks";

export const loadMarkdown = () => import("./MarkdownBlock");
const MarkdownBlock = lazy(loadMarkdown);

/** Finished blocks are drawn once; only the last one is drawn again while text arrives. */
function AnswerTextView({ text, open, small }: { text: string; open: boolean; small?: boolean }) {
  const blocks = splitBlocks(text);
  return (
    <div className={cx("prose", small && "prose-small", open && "streaming")}>
      {blocks.map((block, i) => (
        <Suspense key={i} fallback={<p className="whitespace-pre-wrap">{block}</p>}>
          <MarkdownBlock source={block} />
        </Suspense>
      ))}
    </div>
  );
}

export const AnswerText = memo(AnswerTextView);
