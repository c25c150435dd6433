"use client";
// Who a single agent, chat or provider is shared with, and who can see it and why. An object is named as `agents/agt_…`.
import { mutate } from "swr";
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys } from "../keys";
import type { Grant, Level, ObjectAccess, Visibility } from "../types";
import { invalidate, useList } from "./collection";

export function useGrants(object: string) {
  const workspace = useWorkspaceId();
  return useList<Grant>(workspace && keys.grants(workspace, object));
}

export function useAccess(object: string) {
  const workspace = useWorkspaceId();
  return useList<ObjectAccess>(workspace && keys.access(workspace, object));
}

export function useSharingActions(object: string) {
  const workspace = useWorkspaceId() ?? "";
  const grants = keys.grants(workspace, object);
  const one = (grantee: string) => `${grants}${encodeURIComponent(grantee)}/`;
  const changed = async <T>(work: Promise<T>): Promise<T> => {
    try { return await work; } finally { // also when it was refused: what is shown may be old
      invalidate(grants);
      invalidate(keys.access(workspace, object));
    }
  };
  return {
    give: (grantee: string, level: Level) => changed(api.post<Grant>(grants, { grantee, level })),
    /** `was`: the level that is shown. Whoever changed it meanwhile is not undone unseen. */
    set: (grantee: string, level: Level, was: Level) => changed(api.put<Grant>(one(grantee), { level }, { ifMatch: `"${was}"` })),
    take: (grantee: string, was: Level) => changed(api.remove(one(grantee), { ifMatch: `"${was}"` })),
    show: async (visibility: Visibility) => {
      await changed(api.put<unknown>(keys.visibility(workspace, object), { visibility }));
      const [resource = ""] = object.split("/");
      invalidate(`${keys.workspace(workspace)}${resource}/`);
      await mutate(`tagged:${keys.workspace(workspace)}${object}/`);
    },
  };
}
