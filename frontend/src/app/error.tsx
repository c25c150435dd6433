"use client";
import { useEffect } from "react";
import { LuTriangleAlert } from "react-icons/lu";
import { Button, ButtonLink } from "@/components/ui/Button";
import { CopyButton } from "@/components/ui/CopyButton";
import { codeFor, report } from "@/lib/reports/report";

export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  useEffect(() => { console.error(error); report(error, "screen"); }, [error]);
  const code = codeFor(error);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-6 text-center" role="alert">
      <LuTriangleAlert size={28} className="text-failed" aria-hidden />
      <h1 className="text-title font-semibold">This page stopped working</h1>
      <p className="max-w-[460px] text-muted">Your chats and agents are safe on the server. Load the page again; if it happens once more, tell whoever runs this server the code below: it leads to what went wrong.</p>
      <p className="font-mono text-small text-muted">{code}</p>
      <div className="flex flex-wrap items-center justify-center gap-2">
        <Button look="primary" onClick={reset}>Load again</Button>
        <ButtonLink href="/">Go to chat</ButtonLink>
        <CopyButton words label="Copy details" text={() => `${code}\n${error.name}: ${error.message}\n${error.stack ?? ""}`} />
      </div>
    </main>
  );
}
