// For how long things are kept, as it is typed and as it is sent: an empty box keeps them for ever.
import type { Retention } from "@/lib/api/types";

export type RetentionField = "conversation_days" | "run_days" | "usage_days" | "trash_days";
export type RetentionText = Record<RetentionField, string>;
export type RetentionChanges = Partial<Omit<Retention, "updated_at" | "installation_run_days">>;
const fields: RetentionField[] = ["conversation_days", "run_days", "usage_days", "trash_days"];

const shown = (days: number | null): string => (days === null ? "" : String(days));
export const textOf = (kept: Retention): RetentionText => ({ conversation_days: shown(kept.conversation_days), run_days: shown(kept.run_days), usage_days: shown(kept.usage_days), trash_days: shown(kept.trash_days) });

const daysIn = (text: string): number | null => (text.trim() ? Number(text) : null);

/** What differs from what holds now. An emptied bin box is no wish: the bin is always emptied some day. */
export function changesIn(kept: Retention, text: RetentionText): RetentionChanges {
  return Object.fromEntries(fields.map((field) => [field, daysIn(text[field])] as const).filter(([field, days]) => days !== kept[field] && !(field === "trash_days" && days === null)));
}

/** Whether something may be deleted by the change that was kept until now. */
export function deletesMore(kept: Retention, changes: RetentionChanges): boolean {
  const meant = (field: RetentionField, days: number | null) => days ?? (field === "run_days" ? kept.installation_run_days : null);
  return fields.some((field) => {
    const said = changes[field];
    if (said === undefined) return false;
    const next = meant(field, said);
    const now = meant(field, kept[field]);
    return next !== null && (now === null || next < now);
  });
}
