import type { ReactNode } from "react";
import { cx } from "./classes";

/** The body of a console page: full width for tables, a reading column for forms. */
export function PageBody({ children, narrow }: { children: ReactNode; narrow?: boolean }) {
  return <div className="relative min-h-0 flex-1 overflow-y-auto"><div className={cx("mx-auto w-full px-6 py-6 max-md:px-4 max-md:py-4 pb-[max(24px,env(safe-area-inset-bottom))]", narrow ? "max-w-[720px]" : "max-w-[1180px]")}>{children}</div></div>;
}

export function Card({ title, note, action, children, flush }: { title?: string; note?: ReactNode; action?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className="overflow-hidden rounded-card border border-border bg-raised">
      {title ? (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-border px-4 py-3">
          <div className="min-w-32 flex-1"><h2 className="text-body font-semibold">{title}</h2>{note ? <div className="text-small text-muted">{note}</div> : null}</div>
          {action}
        </div>
      ) : null}
      <div className={flush ? undefined : "p-4"}>{children}</div>
    </section>
  );
}

/** A table that scrolls in its own box, never the page. */
export function TableBox({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div role="region" aria-label={label} tabIndex={0} className="overflow-x-auto outline-offset-[-2px]">
      <table className="w-full border-collapse text-small [&_td]:h-10 [&_td]:px-4 [&_td]:py-2 [&_th]:h-9 [&_th]:whitespace-nowrap [&_th]:px-4 [&_th]:text-left [&_th]:font-medium [&_th]:text-muted [&_thead]:border-b [&_thead]:border-border [&_tbody_tr]:border-b [&_tbody_tr]:border-border [&_tbody_tr:last-child]:border-b-0">
        {children}
      </table>
    </div>
  );
}
