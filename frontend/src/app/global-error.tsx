"use client";
// For what breaks around the pages: it replaces everything, the frame of the document too.
import "@/styles/globals.css";
import ErrorPage from "./error";

export default function GlobalErrorPage(broken: { error: Error & { digest?: string }; reset: () => void }) {
  return <html lang="en"><body><title>This page stopped working</title><ErrorPage {...broken} /></body></html>;
}
