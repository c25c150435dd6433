"use client";
import { useId, useRef, type KeyboardEvent, type ReactNode } from "react";
import { cx } from "./classes";

type Tab<T extends string> = { value: T; label: ReactNode };

/** Tabs with the arrow keys; the shown panel is the child. */
export function Tabs<T extends string>({ label, value, onChange, tabs, children, className }: { label: string; value: T; onChange: (value: T) => void; tabs: Tab<T>[]; children: ReactNode; className?: string }) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.value === value);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.value);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.value}"]`)?.focus();
  };
  return (
    <>
      <div ref={list} role="tablist" aria-label={label} onKeyDown={move} className={cx("flex shrink-0 gap-4 overflow-x-auto border-b border-border", className)}>
        {tabs.map((tab) => (
          <button
            key={tab.value} type="button" role="tab" id={`${id}-${tab.value}`} data-tab={tab.value} aria-selected={tab.value === value} aria-controls={`${id}-panel`} tabIndex={tab.value === value ? 0 : -1}
            onClick={() => onChange(tab.value)}
            className={cx("-mb-px h-10 whitespace-nowrap border-b-2 px-0.5 text-small font-medium outline-offset-[-2px]", tab.value === value ? "border-accent text-text" : "border-transparent text-muted hover:text-text")}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`} className="flex min-h-0 min-w-0 flex-1 flex-col">{children}</div>
    </>
  );
}
