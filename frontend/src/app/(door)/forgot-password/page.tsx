import type { Metadata } from "next";
import { ForgotPassword } from "@/features/auth/ForgotPassword";

export const metadata: Metadata = { title: "Forgot your password? · Agent platform" };

export default function ForgotPasswordPage() {
  return <ForgotPassword />;
}
