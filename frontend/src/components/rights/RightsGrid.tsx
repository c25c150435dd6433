"use client";
// Permissions as a grid that can be read: a row for each thing, in it what may be done with it, from looking to deleting.
import { Tick, toggled } from "@/components/ui/Choices";
import { rightGroups } from "@/lib/rights/permissions";

type Props = { offered: string[]; value: string[]; onChange?: (value: string[]) => void; locked?: (permission: string) => boolean };

/** Without `onChange` it only shows. `locked`: what cannot be ticked here, though it may be ticked already. */
export function RightsGrid({ offered, value, onChange, locked }: Props) {
  const groups = rightGroups(offered);
  if (!onChange) {
    return (
      <dl className="divide-y divide-border overflow-hidden rounded-control border border-border">
        {groups.map((group) => {
          const held = group.rights.filter((right) => value.includes(right.permission));
          return <div key={group.resource} className="grid grid-cols-[148px_1fr] gap-x-3 px-3 py-1.5 text-small max-sm:grid-cols-1"><dt className="font-medium">{group.label}</dt><dd className={held.length ? "" : "text-muted"}>{held.map((right) => right.word).join(", ") || "nothing"}</dd></div>;
        })}
      </dl>
    );
  }
  return (
    <div className="divide-y divide-border overflow-hidden rounded-control border border-border">
      {groups.map((group) => {
        const open = group.rights.map((right) => right.permission).filter((permission) => !locked?.(permission));
        const all = open.length > 0 && open.every((permission) => value.includes(permission));
        return (
          <fieldset key={group.resource} className="grid grid-cols-[148px_1fr] gap-x-3 px-3 py-1.5 max-sm:grid-cols-1">
            <legend className="sr-only">{group.label}</legend>
            <div className="flex items-baseline gap-2 py-1 text-small sm:flex-col sm:gap-0">
              <span className="font-medium" aria-hidden>{group.label}</span>
              {open.length > 1 ? <button type="button" className="text-meta text-accent underline-offset-4 hover:underline" onClick={() => onChange(all ? value.filter((one) => !open.includes(one)) : [...new Set([...value, ...open])])}>{all ? "none" : "all"}<span className="sr-only"> of {group.label}</span></button> : null}
            </div>
            <div className="grid grid-cols-[repeat(auto-fill,minmax(132px,1fr))] gap-x-3">
              {group.rights.map((right) => <Tick key={right.permission} label={right.word} checked={value.includes(right.permission)} disabled={locked?.(right.permission)} onChange={(on) => onChange(toggled(value, right.permission, on))} />)}
            </div>
          </fieldset>
        );
      })}
    </div>
  );
}
