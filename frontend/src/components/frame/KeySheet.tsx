"use client";
import { Dialog } from "@/components/ui/Dialog";
import { setFrame } from "./frame-state";

const groups: { title: string; keys: [string, string][] }[] = [
  { title: "Everywhere", keys: [["Ctrl K", "Search and go anywhere"], ["Ctrl Shift O", "New chat"], ["/", "Go to the message box"], ["?", "This list"]] },
  { title: "In a chat", keys: [["Enter", "Send"], ["Shift Enter", "New line"], ["Esc", "Stop the answer"]] },
  { title: "In a run", keys: [["J  K", "Next and previous step"], ["E", "First error"], ["Esc", "Close the inspector"]] },
];

export default function KeySheet() {
  return (
    <Dialog open onClose={() => setFrame({ keys: false })} title="Keyboard">
      <div className="flex flex-col gap-5">
        {groups.map((group) => (
          <section key={group.title} aria-label={group.title}>
            <h3 className="pb-1 text-meta font-medium text-muted">{group.title}</h3>
            <dl>
              {group.keys.map(([key, what]) => (
                <div key={key} className="flex h-9 items-center justify-between gap-4 border-b border-border last:border-b-0">
                  <dt className="order-2 flex gap-1">{key.split(" ").filter(Boolean).map((part) => <kbd key={part} className="rounded-small border border-border bg-surface px-1.5 font-mono text-meta">{part}</kbd>)}</dt>
                  <dd className="text-small">{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
