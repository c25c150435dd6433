"use client";
import * as Radix from "@radix-ui/react-dropdown-menu";
import type { ReactNode } from "react";
import type { IconType } from "react-icons";
import { LuCheck } from "react-icons/lu";
import { cx } from "./classes";

type MenuProps = { trigger: ReactNode; children: ReactNode; align?: "start" | "end"; side?: "top" | "bottom"; label?: string };

export function Menu({ trigger, children, align = "end", side = "bottom", label }: MenuProps) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align} side={side} sideOffset={6} collisionPadding={12} aria-label={label}
          className="enter z-50 max-h-[min(420px,var(--radix-dropdown-menu-content-available-height))] min-w-[200px] max-w-[min(380px,calc(100vw-24px))] overflow-y-auto rounded-card border border-border bg-raised p-1 shadow-float"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const row = "flex min-h-8 items-center gap-2 rounded-control px-2 py-1 text-small outline-none data-[highlighted]:bg-hover max-md:min-h-10 cursor-pointer select-none";

export function MenuItem({ icon: Icon, children, onSelect, danger }: { icon?: IconType; children: ReactNode; onSelect: () => void; danger?: boolean }) {
  return (
    <Radix.Item className={cx(row, danger && "text-failed")} onSelect={onSelect}>
      {Icon ? <Icon size={16} aria-hidden className={danger ? undefined : "text-muted"} /> : null}{children}
    </Radix.Item>
  );
}

export function MenuChoice<T extends string>({ value, onChange, options }: { value: T | null; onChange: (value: T) => void; options: { value: T; label: string; note?: ReactNode }[] }) {
  return (
    <Radix.RadioGroup value={value ?? ""} onValueChange={(next) => onChange(next as T)}>
      {options.map((option) => (
        <Radix.RadioItem key={option.value} value={option.value} textValue={option.label} className={cx(row, "items-start pr-3")}>
          <span className="mt-0.5 flex size-4 shrink-0 items-center text-accent"><Radix.ItemIndicator><LuCheck size={16} aria-hidden /></Radix.ItemIndicator></span>
          <span className="min-w-0 flex-1"><span className="block truncate">{option.label}</span>{option.note ? <span className="block text-meta text-muted">{option.note}</span> : null}</span>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}

export const MenuLabel = ({ children }: { children: ReactNode }) => <Radix.Label className="px-2 pb-1 pt-2 text-meta text-muted">{children}</Radix.Label>;
export const MenuLine = () => <Radix.Separator className="my-1 border-t border-border" />;
