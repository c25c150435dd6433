"use client";
// One of a few, each with a line that explains it; and several of many.
import { useId, type ReactNode } from "react";
import { cx } from "./classes";

type Option<T extends string> = { value: T; label: string; text?: ReactNode; disabled?: boolean };

export function Choice<T extends string>({ legend, hideLegend, value, onChange, options, disabled }: { legend: string; hideLegend?: boolean; value: T; onChange: (value: T) => void; options: Option<T>[]; disabled?: boolean }) {
  const name = useId();
  return (
    <fieldset className="min-w-0" disabled={disabled}>
      <legend className={cx("mb-1.5 text-small font-medium", hideLegend && "sr-only")}>{legend}</legend>
      <div className="divide-y divide-border overflow-hidden rounded-control border border-border bg-raised">
        {options.map((option) => (
          <label key={option.value} className={cx("flex items-start gap-2.5 px-3 py-2 has-focus-visible:outline-2 has-focus-visible:outline-offset-[-2px] has-focus-visible:outline-accent", option.disabled || disabled ? "opacity-60" : "hover:bg-hover")}>
            <input type="radio" name={name} value={option.value} checked={option.value === value} disabled={option.disabled} onChange={() => onChange(option.value)} className="mt-0.5 size-4 shrink-0 accent-(--accent) outline-none" />
            <span className="min-w-0 text-small"><span className="font-medium">{option.label}</span>{option.text ? <span className="block text-muted">{option.text}</span> : null}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Tick({ label, checked, onChange, disabled, note }: { label: ReactNode; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean; note?: ReactNode }) {
  return (
    <label className={cx("flex min-h-8 min-w-0 items-start gap-2.5 py-1 text-small", disabled && "opacity-60")}>
      <input type="checkbox" className="mt-0.5 size-4 shrink-0 accent-(--accent)" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
      <span className="min-w-0 [overflow-wrap:anywhere]">{label}{note ? <span className="block text-muted">{note}</span> : null}</span>
    </label>
  );
}

export const toggled = (all: string[], one: string, on: boolean): string[] => (on ? [...all.filter((other) => other !== one), one] : all.filter((other) => other !== one));
