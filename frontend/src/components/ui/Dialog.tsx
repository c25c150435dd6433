"use client";
import * as Radix from "@radix-ui/react-dialog";
import { useState, type ReactNode } from "react";
import { LuX } from "react-icons/lu";
import type { Problem } from "@/lib/api/problem";
import { toProblem } from "@/lib/api/problem";
import { Button, IconButton } from "./Button";
import { cx } from "./classes";
import { ProblemNote } from "./Panels";

type Shape = "centre" | "left" | "right";
const shapes: Record<Shape, string> = {
  centre: "left-1/2 top-[12vh] max-h-[80dvh] w-[min(560px,calc(100vw-32px))] -translate-x-1/2 rounded-card max-md:bottom-0 max-md:left-0 max-md:top-auto max-md:w-full max-md:translate-x-0 max-md:rounded-b-none max-md:pb-[env(safe-area-inset-bottom)] max-md:max-h-[88dvh] sheet-up",
  left: "inset-y-0 left-0 w-[min(300px,86vw)] border-l-0 sheet-left",
  right: "inset-y-0 right-0 w-[min(420px,100vw)] border-r-0 max-md:inset-x-0 max-md:bottom-0 max-md:top-auto max-md:max-h-[85dvh] max-md:w-full max-md:rounded-t-card sheet-up",
};

/** Where the focus was before the first of several dialogs, which may open one another, or come out of a menu. */
let before: HTMLElement | null = null;

function noteFocus(): void {
  const here = document.activeElement;
  if (!(here instanceof HTMLElement) || here === document.body || here.closest("[role=dialog]")) return;
  const menu = here.closest("[role=menu]");
  before = menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : here;
}

/** What the dialog was opened from may be gone by now: then the focus goes further back, and never to nowhere. */
function returnFocus(): void {
  setTimeout(() => { if (document.activeElement === document.body && before?.isConnected) before.focus(); });
}

type Props = {
  open: boolean; onClose: () => void; title: string; hideTitle?: boolean; description?: string;
  shape?: Shape; children: ReactNode; footer?: ReactNode; wide?: boolean; bare?: boolean;
};

export function Dialog({ open, onClose, title, hideTitle, description, shape = "centre", children, footer, wide, bare }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={(now) => { if (!now) onClose(); }}>
      <Radix.Portal>
        <Radix.Overlay className="overlay fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          onOpenAutoFocus={noteFocus} onCloseAutoFocus={returnFocus}
          className={cx("fixed z-50 flex flex-col overflow-hidden border border-border bg-raised shadow-float focus:outline-none", shapes[shape], wide && shape === "centre" && "md:w-[min(820px,calc(100vw-32px))]")}
        >
          <div className={cx("flex items-start gap-3 px-5 pb-3 pt-4", hideTitle && "sr-only")}>
            <div className="min-w-0 flex-1">
              <Radix.Title className="text-body font-semibold [overflow-wrap:anywhere]">{title}</Radix.Title>
              {description ? <Radix.Description className="mt-1 text-small text-muted">{description}</Radix.Description> : null}
            </div>
            {hideTitle ? null : <Radix.Close asChild><IconButton icon={LuX} label="Close" className="-mr-2 -mt-1" /></Radix.Close>}
          </div>
          <div className={cx("relative min-h-0 flex-1 overflow-y-auto", !bare && "px-5 pb-4 pt-1")}>{children}</div>
          {footer ? <div className="flex flex-wrap justify-end gap-2 border-t border-border px-5 py-3">{footer}</div> : null}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

type ConfirmProps = { open: boolean; onClose: () => void; title: string; text: string; act: string; onConfirm: () => Promise<unknown> };

/** Asks before what cannot be undone. Stays open, with the reason, when it fails. */
export function Confirm({ open, onClose, title, text, act, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const close = () => { setProblem(null); onClose(); };
  const go = async () => {
    setBusy(true);
    try { await onConfirm(); close(); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return (
    <Dialog
      open={open} onClose={close} title={title} description={text}
      footer={<><Button onClick={close}>Cancel</Button><Button look="danger" busy={busy} onClick={() => void go()}>{act}</Button></>}
    >
      <ProblemNote problem={problem} />
    </Dialog>
  );
}
