"use client";
import { LuEye, LuEyeOff } from "react-icons/lu";
import { PersonName } from "@/components/people/PersonName";
import { Button } from "@/components/ui/Button";
import { ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { useAccess } from "@/lib/api/resources/sharing";
import type { ObjectAccess } from "@/lib/api/types";
import { roleWords } from "@/lib/rights/words";
import type { Shared } from "./SharingDialog";
import { atMost, ceilingWords, levelWords, reasonWords } from "./sharing-words";

/** Everybody in the workspace, those who can see it first, each with every reason. */
export function WhoAndWhy({ shared }: { shared: Shared }) {
  const list = useAccess(shared.object);
  if (list.problem) return <ProblemPanel problem={list.problem} onRetry={list.retry} />;
  if (!list.items) return <SkeletonRows rows={4} label="Loading who can see it" />;
  const seeing = list.items.filter((one) => one.can.length > 0);
  const others = list.items.filter((one) => one.can.length === 0);
  return (
    <div>
      <ul className="divide-y divide-border">{[...seeing, ...others].map((access) => <AccessRow key={access.user.id} access={access} shared={shared} />)}</ul>
      {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more people</Button></div> : null}
    </div>
  );
}

function AccessRow({ access, shared }: { access: ObjectAccess; shared: Shared }) {
  const level = atMost(access.can);
  const ceiling = ceilingWords(shared.kind, access);
  const Icon = level ? LuEye : LuEyeOff;
  return (
    <li className="flex items-start gap-3 px-5 py-2.5">
      <Icon size={16} aria-hidden className={`mt-0.5 shrink-0 ${level ? "text-succeeded" : "text-muted"}`} />
      <div className="min-w-0 flex-1">
        <PersonName person={access.user} aside={<Tag>{roleWords(access.role).name}</Tag>} />
        <ul className="mt-1 text-small text-muted">
          {access.reasons.map((reason) => <li key={`${reason.why}-${reason.by}-${reason.level}`}>{reasonWords(shared.kind, reason)}</li>)}
          {access.reasons.length === 0 ? <li>Nothing gives it to them.</li> : null}
          {ceiling ? <li className="text-waiting">{ceiling}</li> : null}
        </ul>
      </div>
      <span className={`shrink-0 text-small ${level ? "font-medium" : "text-muted"}`}>{level ? levelWords(shared.kind, level).name : "Cannot see it"}</span>
    </li>
  );
}
