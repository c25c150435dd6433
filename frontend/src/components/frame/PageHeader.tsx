"use client";
import Link from "next/link";
import { useEffect, type ReactNode } from "react";
import { LuChevronRight, LuMenu } from "react-icons/lu";
import { IconButton } from "@/components/ui/Button";
import { setFrame } from "./frame-state";

type Props = { title: string; back?: { href: string; label: string }; aside?: ReactNode; children?: ReactNode };

/** One line on top of every page: where you are, its state, its acts. It also names the browser's tab. */
export function PageHeader({ title, back, aside, children }: Props) {
  useEffect(() => { if (title) document.title = `${title} · Agent platform`; }, [title]);
  return (
    <header className="flex min-h-12 shrink-0 items-center gap-2 border-b border-border bg-bg px-4 py-1.5 pt-[max(6px,env(safe-area-inset-top))] max-md:px-2">
      <IconButton icon={LuMenu} label="Open menu" className="md:hidden" onClick={() => setFrame({ sheet: true })} />
      <div className="flex min-w-0 flex-1 items-center gap-1.5">
        {back ? (
          <>
            <Link href={back.href} className="shrink-0 rounded-small text-body text-muted hover:text-text max-md:hidden">{back.label}</Link>
            <LuChevronRight size={16} className="shrink-0 text-muted max-md:hidden" aria-hidden />
          </>
        ) : null}
        <h1 className="truncate text-body font-semibold" title={title}>{title || " "}</h1>
        {aside ? <div className="ml-1 flex min-w-0 shrink-0 items-center gap-2">{aside}</div> : null}
      </div>
      {children ? <div className="flex shrink-0 items-center gap-2">{children}</div> : null}
    </header>
  );
}
