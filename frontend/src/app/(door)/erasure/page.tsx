import type { Metadata } from "next";
import { ErasureProof } from "@/features/auth/ErasureProof";

export const metadata: Metadata = { title: "Proof of an erasure · Agent platform" };

export default function ErasureProofPage() {
  return <ErasureProof />;
}
