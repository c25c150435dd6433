"use client";
// Around every section of the settings: a quiet list at the left on a desk; on a phone the list is a page of its own.
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { LuChevronLeft, LuChevronRight } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { cx } from "@/components/ui/classes";
import { Card } from "@/components/ui/Page";
import { NotAllowed } from "@/components/ui/Panels";
import { useSession } from "@/lib/session/SessionProvider";
import { allowed, sectionAt, workspaces, yours, type Section } from "./sections";

function useGroups(): { title: string; sections: Section[] }[] {
  const { can, workspace } = useSession();
  return [{ title: "You", sections: allowed(yours, can) }, { title: workspace?.name ?? "Workspace", sections: allowed(workspaces, can) }].filter((group) => group.sections.length);
}

export function SettingsFrame({ children }: { children: ReactNode }) {
  const path = usePathname();
  const { can } = useSession();
  const here = sectionAt(path);
  const groups = useGroups();
  const refused = here?.permission !== undefined && !can(here.permission);
  return (
    <>
      <PageHeader title={here?.label ?? "Settings"} back={here ? { href: "/settings/", label: "Settings" } : undefined} />
      <div className="flex min-h-0 flex-1">
        <nav aria-label="Settings" className="w-56 shrink-0 overflow-y-auto border-r border-border px-2 py-4 max-lg:w-48 max-md:hidden">
          {groups.map((group) => (
            <div key={group.title} className="mb-5">
              <p className="truncate px-2.5 pb-1 text-meta text-muted" title={group.title}>{group.title}</p>
              {group.sections.map((one) => {
                const current = one.href === path || (!here && one.href === "/settings/profile/");
                return <Link key={one.href} href={one.href} prefetch={false} aria-current={current ? "page" : undefined} className={cx("flex h-8 items-center gap-2.5 rounded-control px-2.5 text-small", current ? "bg-hover font-medium text-text" : "text-muted hover:bg-hover hover:text-text")}><one.icon size={16} aria-hidden className="shrink-0" /><span className="truncate">{one.label}</span></Link>;
              })}
            </div>
          ))}
        </nav>
        <div className="relative min-h-0 min-w-0 flex-1 overflow-y-auto">
          <div className={cx("mx-auto w-full px-6 py-6 pb-[max(24px,env(safe-area-inset-bottom))] max-md:px-4 max-md:py-4", here?.wide ? "max-w-[1180px]" : "max-w-[768px]")}>
            {here ? <Link href="/settings/" prefetch={false} className="mb-3 flex h-8 items-center gap-1 self-start text-small text-muted hover:text-text md:hidden"><LuChevronLeft size={16} aria-hidden />All settings</Link> : null}
            {refused ? <Card flush><NotAllowed>An owner or admin of this workspace can give you a role that may.</NotAllowed></Card> : <div className="flex flex-col gap-4">{children}</div>}
          </div>
        </div>
      </div>
    </>
  );
}

/** The list as a page, for phones. */
export function SettingsList() {
  const groups = useGroups();
  return (
    <nav aria-label="Settings" className="flex flex-col gap-5">
      {groups.map((group) => (
        <section key={group.title} aria-label={group.title}>
          <h2 className="truncate pb-2 text-small font-medium text-muted">{group.title}</h2>
          <ul className="divide-y divide-border overflow-hidden rounded-card border border-border bg-raised">
            {group.sections.map((one) => (
              <li key={one.href}>
                <Link href={one.href} prefetch={false} className="flex min-h-14 items-center gap-3 px-4 py-2 outline-offset-[-2px] hover:bg-hover">
                  <one.icon size={20} aria-hidden className="shrink-0 text-muted" />
                  <span className="min-w-0 flex-1"><span className="block font-medium">{one.label}</span><span className="block text-small text-muted">{one.text}</span></span>
                  <LuChevronRight size={16} aria-hidden className="shrink-0 text-muted" />
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
