"use client";
// The view follows the text only while the reader is at its end. Elsewhere nothing moves, and a pill says that more came.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR = 56;

export function useStickToEnd(firstKey: string | undefined, growing: boolean) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const height = useRef(0);
  const first = useRef<string | undefined>(undefined);
  const grows = useRef(growing);
  /** The reader is opening or closing something: what they look at stays where it is. */
  const opening = useRef(false);
  const [below, setBelow] = useState<"none" | "more" | "new">("none");

  useEffect(() => { grows.current = growing; }, [growing]);

  const toEnd = useCallback((smooth = false) => {
    const box = scroller.current;
    if (!box) return;
    atEnd.current = true;
    setBelow("none");
    box.scrollTo({ top: box.scrollHeight, behavior: smooth ? "smooth" : "auto" });
  }, []);

  useEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return;
    const onScroll = () => {
      atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      if (atEnd.current) setBelow("none");
      else setBelow((now) => (now === "none" ? "more" : now));
    };
    const onClick = (event: MouseEvent) => {
      if (event.target instanceof Element && event.target.closest("[aria-expanded]:not([aria-haspopup])")) opening.current = true;
    };
    const watcher = new ResizeObserver(() => {
      if (opening.current) { opening.current = false; onScroll(); } else if (atEnd.current) box.scrollTop = box.scrollHeight;
      else if (box.scrollHeight > height.current && grows.current) setBelow("new");
      height.current = box.scrollHeight;
    });
    box.addEventListener("scroll", onScroll, { passive: true });
    inner.addEventListener("click", onClick);
    watcher.observe(inner);
    watcher.observe(box);
    return () => { box.removeEventListener("scroll", onScroll); inner.removeEventListener("click", onClick); watcher.disconnect(); };
  }, []);

  // Older turns arrive above: what the reader looks at stays where it is.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    if (first.current !== undefined && firstKey !== first.current && !atEnd.current) box.scrollTop += box.scrollHeight - height.current;
    first.current = firstKey;
    height.current = box.scrollHeight;
  }, [firstKey]);

  return { scroller, content, below, toEnd };
}
