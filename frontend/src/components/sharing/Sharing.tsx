"use client";
// The sharing dialog, fetched when somebody first opens it: pages that could open it do not pay for it.
import { lazy, Suspense } from "react";
import type { Shared } from "./SharingDialog";

const SharingDialog = lazy(() => import("./SharingDialog"));

export function Sharing({ shared, onClose, onShown }: { shared: Shared | null; onClose: () => void; onShown?: () => void }) {
  return shared ? <Suspense fallback={null}><SharingDialog shared={shared} onClose={onClose} onShown={onShown} /></Suspense> : null;
}
