"use client";
// For what breaks around the pages: it replaces everything, the frame of the document too, and rests on nothing of ours that
// may be what broke.
import { useEffect } from "react";
import { codeFor, report } from "@/lib/reports/report";
import "@/styles/globals.css";

export default function GlobalErrorPage({ error }: { error: Error & { digest?: string } }) {
  useEffect(() => { console.error(error); report(error, "screen"); }, [error]);
  return (
    <html lang="en">
      <body>
        <title>This page stopped working</title>
        <main role="alert" className="flex min-h-dvh flex-col items-center justify-center gap-4 px-6 text-center">
          <h1 className="text-title font-semibold">This page stopped working</h1>
          <p className="max-w-[460px] text-muted">Your chats and agents are safe on the server. Load the page again; if it happens once more, tell whoever runs this server the code below: it leads to what went wrong.</p>
          <p className="font-mono text-small text-muted">{codeFor(error)}</p>
          <button type="button" onClick={() => location.reload()} className="text-accent underline">Load again</button>
        </main>
      </body>
    </html>
  );
}
