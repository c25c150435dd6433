import { cx } from "@/components/ui/classes";
import type { Person } from "@/lib/api/types";

export const nameOf = (person: Pick<Person, "name" | "email">): string => person.name || person.email;

/** Service accounts have an address that leads nowhere and says nothing. */
const hasAddress = (person: Pick<Person, "email">): boolean => !person.email.endsWith(".invalid");

/** A person as name and address; by the address alone when they gave no name. */
export function PersonName({ person, aside, className }: { person: Person; aside?: React.ReactNode; className?: string }) {
  return (
    <span className={cx("block min-w-0", className)}>
      <span className="flex flex-wrap items-center gap-x-2"><span className="font-medium [overflow-wrap:anywhere]">{nameOf(person)}</span>{aside}</span>
      {person.name ? <span className="block text-small text-muted [overflow-wrap:anywhere]">{hasAddress(person) ? person.email : "Service account"}</span> : null}
    </span>
  );
}
