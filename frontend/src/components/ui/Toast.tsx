"use client";
// Short news about what was just done. Never the only place where a failure is told.
import { useSyncExternalStore } from "react";

type Note = { id: number; text: string };
let notes: Note[] = [];
let next = 1;
const listeners = new Set<() => void>();
const none: Note[] = [];
const tell = (now: Note[]) => { notes = now; listeners.forEach((listener) => listener()); };

export function toast(text: string): void {
  const id = next++;
  tell([...notes.slice(-2), { id, text }]);
  setTimeout(() => tell(notes.filter((note) => note.id !== id)), 4_000);
}

export function Toasts() {
  const shown = useSyncExternalStore((listener) => (listeners.add(listener), () => void listeners.delete(listener)), () => notes, () => none);
  return (
    <div role="status" aria-live="polite" className="pointer-events-none fixed bottom-[max(16px,env(safe-area-inset-bottom))] left-1/2 z-50 flex w-max max-w-[calc(100vw-32px)] -translate-x-1/2 flex-col items-center gap-2">
      {shown.map((note) => <div key={note.id} className="enter rounded-control border border-border bg-raised px-4 py-2 text-small shadow-float">{note.text}</div>)}
    </div>
  );
}
