"use client";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { Dialog } from "@/components/ui/Dialog";
import type { TokenSecret } from "@/lib/api/types";

/** A token's secret, which nobody sees a second time. */
export function SecretOnce({ made, onClose }: { made: TokenSecret; onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title={`The secret of ${made.name}`} description="Copy it now, to where your program reads it. It is not shown again." footer={<Button look="primary" onClick={onClose}>I have copied it</Button>}>
      {made.token ? (
        <div className="flex items-center gap-2 rounded-control border border-border bg-surface py-2 pl-3 pr-2">
          <code className="min-w-0 flex-1 font-mono text-small [overflow-wrap:anywhere]">{made.token}</code>
          <CopyButton text={made.token} label="Copy" words />
        </div>
      ) : <p className="text-small">It was shown already when this was sent the first time. Make a new secret if you do not have it.</p>}
      <p className="mt-3 text-small text-muted">Programs send it as <code className="font-mono">Authorization: Bearer …</code> Whoever has it can do what the token may.</p>
    </Dialog>
  );
}
