import type { ReactNode } from "react";

export function Section({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="border-b border-border py-6 first:pt-4 last:border-b-0">
      <h2 className="text-body font-semibold">{title}</h2>
      {text ? <p className="mb-4 text-small text-muted">{text}</p> : <div className="h-3" />}
      <div className="flex flex-col gap-4">{children}</div>
    </section>
  );
}
