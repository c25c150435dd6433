import type { ReactNode } from "react";
import { AppFrame } from "@/components/frame/AppFrame";

export default function AppLayout({ children }: { children: ReactNode }) {
  return <AppFrame>{children}</AppFrame>;
}
