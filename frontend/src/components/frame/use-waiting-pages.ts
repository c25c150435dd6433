"use client";
// A page whose content cannot be fetched would be opened by the browser itself: without a connection that is the browser's
// own page, and the client is gone with everything on it. Here the fetch waits until it succeeds, and the reader stays.
import { useEffect } from "react";
import { toast } from "@/components/ui/Toast";

const AGAIN_MS = 2_000;
/** What stands in front of the product answers so while the product is away. */
const AWAY = [502, 503, 504];

function isContent(input: RequestInfo | URL, init?: RequestInit): boolean {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  // What is fetched beforehand may fail: it is fetched again when it is wanted.
  return headers.has("rsc") && !headers.has("next-router-prefetch") && !headers.has("next-router-segment-prefetch");
}

const onlineOrLater = () => new Promise<void>((go) => {
  const done = () => { clearTimeout(timer); removeEventListener("online", done); go(); };
  const timer = setTimeout(done, AGAIN_MS);
  addEventListener("online", done);
});

/** Following a link leads to the page, or leaves the reader where they are until it can. */
export function useWaitingPages() {
  useEffect(() => {
    const plain = window.fetch;
    window.fetch = async (input, init) => {
      if (!isContent(input, init)) return plain(input, init);
      for (let told = false; ; told = true) {
        try {
          const answer = await plain(input, init);
          if (!AWAY.includes(answer.status)) return answer;
        } catch (error) {
          if (init?.signal?.aborted) throw error;
        }
        if (!told) toast("No connection. The page opens once it is back.");
        await onlineOrLater();
      }
    };
    return () => { window.fetch = plain; };
  }, []);
}
