"use client";
// The audit log: read, searched, taken along as a file, and whether it is whole.
import { useWorkspaceId } from "@/lib/session/SessionProvider";
import { api } from "../client";
import { keys, type Filters } from "../keys";
import type { AuditEntry, AuditKinds, AuditStanding } from "../types";
import { useList, useOne } from "./collection";

export function useAudit(filters: Filters) {
  const workspace = useWorkspaceId();
  return useList<AuditEntry>(workspace && keys.audit(workspace, { ...filters, limit: 50 }), { revalidateOnFocus: false });
}

/** With the seals of the last entries computed anew. */
export function useAuditStanding() {
  const workspace = useWorkspaceId();
  return useOne<AuditStanding>(workspace && keys.auditStanding(workspace, true), { revalidateOnFocus: false, refreshInterval: 60_000 });
}

/** What can stand in the log. It changes with the server's version only. */
export function useAuditKinds() {
  const workspace = useWorkspaceId();
  return useOne<AuditKinds>(workspace && keys.auditKinds(workspace), { revalidateOnFocus: false }).value?.results ?? [];
}

export function useAuditExport() {
  const workspace = useWorkspaceId() ?? "";
  return (filters: Filters, form: "jsonl" | "csv") => api.download("GET", keys.auditExport(workspace, { ...filters, file_format: form }));
}
