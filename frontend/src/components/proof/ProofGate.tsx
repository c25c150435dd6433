"use client";
// Stands in the root of every page and does nothing until an action is refused for want of a fresh proof.
import { lazy, Suspense, useSyncExternalStore } from "react";
import { isProofAsked, onProofAsked } from "@/lib/api/proof";

const ProofDialog = lazy(() => import("./ProofDialog"));

export function ProofGate() {
  const asked = useSyncExternalStore(onProofAsked, isProofAsked, () => false);
  return asked ? <Suspense fallback={null}><ProofDialog /></Suspense> : null;
}
