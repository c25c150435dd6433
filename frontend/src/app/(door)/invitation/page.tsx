import type { Metadata } from "next";
import { Invitation } from "@/features/auth/Invitation";

export const metadata: Metadata = { title: "Invitation · Agent platform" };

export default function InvitationPage() {
  return <Invitation />;
}
