"use client";
import { useEffect, useRef, type ReactNode } from "react";

/** One step of a door. What it is about is read out when one step follows another. */
export function DoorCard({ title, text, children }: { title: string; text?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(title);
  useEffect(() => {
    document.title = `${title} · Agent platform`;
    // A step that brings no field of its own to write into must not leave the focus nowhere.
    if (shown.current !== title && document.activeElement === document.body) heading.current?.focus();
    shown.current = title;
  }, [title]);
  return (
    <div className="w-full max-w-[380px]">
      <h1 ref={heading} tabIndex={-1} className="text-title font-semibold outline-none [overflow-wrap:anywhere]">{title}</h1>
      {text ? <div className="mt-1 text-body text-muted text-pretty [overflow-wrap:anywhere]">{text}</div> : null}
      <div className="mt-5 rounded-card border border-border bg-raised p-5">{children}</div>
    </div>
  );
}

/** Where a step ends: what happened, and the one way on. */
export function DoorNews({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return <div role="status" className="flex flex-col items-start gap-4 text-body"><div className="text-pretty [overflow-wrap:anywhere]">{children}</div>{action}</div>;
}
