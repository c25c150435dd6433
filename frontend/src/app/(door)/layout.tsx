import type { ReactNode } from "react";
import { Logo } from "@/components/frame/Logo";

export default function DoorLayout({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col bg-surface px-4 pb-[max(24px,env(safe-area-inset-bottom))] pt-[max(24px,env(safe-area-inset-top))]">
      <header className="flex items-center gap-2.5 text-body font-semibold"><Logo /> Agent platform</header>
      <main className="mx-auto flex w-full flex-1 flex-col items-center pt-[8vh]">{children}</main>
    </div>
  );
}
