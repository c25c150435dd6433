import type { Metadata } from "next";
import { ConfirmEmail } from "@/features/auth/ConfirmEmail";

export const metadata: Metadata = { title: "Confirm your address · Agent platform" };

export default function ConfirmEmailPage() {
  return <ConfirmEmail />;
}
