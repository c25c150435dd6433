"use client";
// The states that every list and panel has besides its content.
import type { ReactNode } from "react";
import type { IconType } from "react-icons";
import { LuCloudOff, LuLock, LuSearchX, LuTriangleAlert } from "react-icons/lu";
import type { Problem } from "@/lib/api/problem";
import { Button } from "./Button";
import { cx } from "./classes";
import { CopyButton } from "./CopyButton";

export function Skeleton({ className }: { className?: string }) {
  return <div className={cx("skeleton", className)} aria-hidden />;
}

/** Rows in the shape of the list to come. */
export function SkeletonRows({ rows = 5, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="divide-y divide-border">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="flex h-14 items-center gap-4 px-4">
          <Skeleton className="h-4 w-1/3" /><Skeleton className="h-3 w-1/5 max-md:hidden" /><Skeleton className="ml-auto h-3 w-16" />
        </div>
      ))}
    </div>
  );
}

export function Empty({ icon: Icon, title, children, action }: { icon: IconType; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 px-6 py-14 text-center">
      <span className="flex size-10 items-center justify-center rounded-card border border-border bg-raised text-muted"><Icon size={20} aria-hidden /></span>
      <div className="max-w-[420px]">
        <p className="text-body font-medium">{title}</p>
        {children ? <div className="mt-1 text-small text-balance text-muted">{children}</div> : null}
      </div>
      {action}
    </div>
  );
}

/** What somebody may not see, and who can change that. */
export function NotAllowed({ title = "You may not see this", children }: { title?: string; children: ReactNode }) {
  return <Empty icon={LuLock} title={title}>{children}</Empty>;
}

function explain(problem: Problem): { icon: IconType; title: string; next: string } {
  if (problem.offline) return { icon: LuCloudOff, title: "No connection to the server", next: "What you see may be out of date. It loads again when the server answers." };
  if (problem.status === 403) return { icon: LuLock, title: "You may not see this", next: "An owner or admin of this workspace can give you access." };
  if (problem.status === 404) return { icon: LuSearchX, title: "Not found, or not shared with you", next: "Check the address, or ask whoever sent you the link." };
  if (problem.status === 429) return { icon: LuTriangleAlert, title: "Too many requests", next: "Wait a few seconds, then try again." };
  return { icon: LuTriangleAlert, title: problem.title || "This did not load", next: "Try again. If it stays, give the request id to whoever runs this server." };
}

export function ProblemPanel({ problem, onRetry, action }: { problem: Problem; onRetry?: () => void; action?: ReactNode }) {
  const { icon: Icon, title, next } = explain(problem);
  const detail = problem.status === 404 || problem.offline ? null : problem.detail;
  // A refusal says by itself who can grant it, and nothing is broken.
  const refused = problem.status === 403;
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-6 py-14 text-center">
      <span className={cx("flex size-10 items-center justify-center rounded-card border border-border bg-raised", problem.status === 404 || refused ? "text-muted" : "text-failed")}><Icon size={20} aria-hidden /></span>
      <div className="max-w-[460px]">
        <p className="text-body font-medium">{title}</p>
        {detail ? <p className={cx("mt-1 text-small", refused && "text-balance text-muted")}>{detail}</p> : null}
        {refused && detail ? null : <p className="mt-1 text-small text-balance text-muted">{next}</p>}
      </div>
      <div className="flex flex-wrap items-center justify-center gap-2">
        {onRetry && problem.status !== 404 && problem.status !== 403 ? <Button size="small" onClick={onRetry}>Try again</Button> : null}
        {action}
        {problem.requestId ? <CopyButton text={problem.requestId} label="Copy request id" words /> : null}
      </div>
    </div>
  );
}

/** A failure beside the thing that failed: what, why, and the request to name. */
export function ProblemNote({ problem, title }: { problem: Problem | null | undefined; title?: string }) {
  if (!problem) return null;
  return (
    <div role="alert" className="flex items-start gap-2 rounded-control border border-failed bg-removed-bg px-3 py-2 text-small">
      <LuTriangleAlert size={16} className="mt-0.5 shrink-0 text-failed" aria-hidden />
      <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">{title ? <strong className="font-medium">{title} </strong> : null}{problem.detail}</div>
      {problem.requestId ? <CopyButton text={problem.requestId} label="Copy request id" /> : null}
    </div>
  );
}
