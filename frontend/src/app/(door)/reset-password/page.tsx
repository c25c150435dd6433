import type { Metadata } from "next";
import { ResetPassword } from "@/features/auth/ResetPassword";

export const metadata: Metadata = { title: "New password · Agent platform" };

export default function ResetPasswordPage() {
  return <ResetPassword />;
}
