import type { Metadata } from "next";
import { FirstFactor } from "@/features/auth/FirstFactor";

export const metadata: Metadata = { title: "Second factor · Agent platform" };

export default function FirstFactorPage() {
  return <FirstFactor />;
}
