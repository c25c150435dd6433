import type { Metadata } from "next";
import { SignIn } from "@/features/auth/SignIn";

export const metadata: Metadata = { title: "Sign in · Agent platform" };

export default function SignInPage() {
  return (
    <div className="w-full max-w-[380px]">
      <h1 className="mb-6 text-title font-semibold">Sign in</h1>
      <div className="rounded-card border border-border bg-raised p-5"><SignIn /></div>
    </div>
  );
}
