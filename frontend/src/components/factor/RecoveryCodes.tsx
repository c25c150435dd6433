"use client";
// Recovery codes are shown once: copy, save or print them before this goes away.
import { LuDownload } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { saveFile } from "@/lib/files/save-file";

export function RecoveryCodes({ codes, email, act, onDone }: { codes: string[]; email: string; act: string; onDone: () => void }) {
  const text = `Recovery codes for ${email}\nEach works once, in place of your second factor.\n\n${codes.join("\n")}\n`;
  return (
    <div className="flex flex-col gap-4">
      <p className="text-small">Keep these codes where you find them without your phone. Each gets you in once. <strong className="font-medium">They are not shown again.</strong></p>
      <ul aria-label="Recovery codes" className="grid grid-cols-2 gap-x-6 gap-y-1 rounded-control border border-border bg-surface px-4 py-3 font-mono text-body max-[380px]:grid-cols-1">
        {codes.map((code) => <li key={code}>{code}</li>)}
      </ul>
      <div className="flex flex-wrap items-center gap-2">
        <CopyButton text={codes.join("\n")} label="Copy" words />
        <Button size="small" look="quiet" icon={LuDownload} onClick={() => saveFile(new Blob([text], { type: "text/plain" }), "recovery-codes.txt")}>Download</Button>
        <Button look="primary" size="small" className="ml-auto" onClick={onDone}>{act}</Button>
      </div>
    </div>
  );
}
