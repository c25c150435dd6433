"use client";
import { useRouter } from "next/navigation";
import { lazy, Suspense, useEffect, type ReactNode } from "react";
import { Dialog } from "@/components/ui/Dialog";
import { ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { useSession } from "@/lib/session/SessionProvider";
import { setFrame, useFrame } from "./frame-state";
import { Sidebar, SidebarContent } from "./Sidebar";
import { useWaitingPages } from "./use-waiting-pages";

const Palette = lazy(() => import("./Palette"));
const KeySheet = lazy(() => import("./KeySheet"));

const typing = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function useFrameKeys() {
  const router = useRouter();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === "k") { event.preventDefault(); setFrame({ palette: true }); }
      else if (command && event.shiftKey && event.key.toLowerCase() === "o") { event.preventDefault(); router.push("/"); }
      else if (event.key === "?" && !command && !typing(event.target)) { event.preventDefault(); setFrame({ keys: true }); }
      else if (event.key === "/" && !command && !typing(event.target)) {
        const composer = document.querySelector<HTMLElement>("[data-composer]");
        if (composer) { event.preventDefault(); composer.focus(); }
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [router]);
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-1 flex-col">
      <div className="flex h-12 items-center border-b border-border px-4"><Skeleton className="h-4 w-40" /></div>
      <div className="mx-auto flex w-full max-w-[720px] flex-col gap-4 px-6 pt-10"><Skeleton className="h-4 w-2/3" /><Skeleton className="h-4 w-1/2" /><Skeleton className="h-4 w-3/5" /></div>
    </div>
  );
}

export function AppFrame({ children }: { children: ReactNode }) {
  const { phase, problem, workspace, me } = useSession();
  const frame = useFrame();
  useFrameKeys();
  useWaitingPages();
  const nowhere = phase === "ready" && me && !workspace;
  // `relative`, here and on whatever scrolls: what is kept for screen readers only would else make the page itself longer.
  return (
    <div className="relative flex h-dvh overflow-hidden">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:left-3 focus:top-3 focus:z-50 focus:rounded-control focus:bg-raised focus:px-3 focus:py-2 focus:shadow-float">Skip to content</a>
      <Sidebar />
      <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 flex-col outline-none">
        {phase === "unreachable" && problem ? <div className="flex flex-1 items-center justify-center"><ProblemPanel problem={problem} /></div>
          : nowhere ? <p className="m-auto max-w-[420px] px-6 text-center">You are signed in, but in no workspace yet. Ask an owner to add {me.email}.</p>
          : phase === "ready" ? children : <Waiting />}
      </main>
      <Dialog open={frame.sheet} onClose={() => setFrame({ sheet: false })} title="Menu" hideTitle shape="left" bare><SidebarContent /></Dialog>
      <Suspense fallback={null}>
        {frame.palette ? <Palette /> : null}
        {frame.keys ? <KeySheet /> : null}
      </Suspense>
    </div>
  );
}
