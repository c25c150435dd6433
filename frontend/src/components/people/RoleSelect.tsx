"use client";
import { Select } from "@/components/ui/Field";
import type { Role } from "@/lib/api/types";
import { roleWords } from "@/lib/rights/words";

export const roleName = (role: Pick<Role, "id" | "name" | "built_in">): string => (role.built_in ? roleWords(role.id).name : role.name);

type Props = { label: string; hideLabel?: boolean; roles: Role[] | undefined; value: string; valueName?: string; onChange: (role: string) => void; disabled?: boolean; error?: string | null; explain?: boolean };

/** The roles that can be given, built-in ones first. The present one is always among them, even while they are read. */
export function RoleSelect({ label, hideLabel, roles, value, valueName, onChange, disabled, error, explain }: Props) {
  const known = roles ?? [];
  const chosen = known.find((role) => role.id === value);
  const text = chosen?.built_in ? `Can ${roleWords(chosen.id).text}.` : chosen?.description;
  const own = known.filter((role) => !role.built_in);
  return (
    <Select label={label} hideLabel={hideLabel} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)} error={error} hint={explain ? text : undefined}>
      {chosen ? null : <option value={value}>{valueName ?? roleWords(value).name}</option>}
      {known.filter((role) => role.built_in).map((role) => <option key={role.id} value={role.id}>{roleName(role)}</option>)}
      {own.length ? <optgroup label="Your own roles">{own.map((role) => <option key={role.id} value={role.id}>{role.name}</option>)}</optgroup> : null}
    </Select>
  );
}
