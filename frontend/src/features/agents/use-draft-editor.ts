"use client";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { Tagged } from "@/lib/api/client";
import { useAgentActions } from "@/lib/api/resources/agents";
import type { Agent } from "@/lib/api/types";
import { keepText, keptText } from "@/lib/kept/kept-text";
import { DraftEditor, type Shelf, type Values } from "./draft-editor";

function shelfOf(agent: string): Shelf {
  const place = `agent.${agent}`;
  return {
    read: () => { try { return JSON.parse(keptText(place) || "[]") as Partial<Values>[]; } catch { return []; } },
    write: (texts) => keepText(place, texts.length ? JSON.stringify(texts) : ""),
  };
}

export function useDraftEditor(tagged: Tagged<Agent>) {
  const actions = useAgentActions();
  const id = tagged.value.id;
  const [editor] = useState(() => new DraftEditor(tagged, (input, etag) => actions.save(id, input, etag), () => actions.reread(id), shelfOf(id)));
  const state = useSyncExternalStore(editor.watch, editor.read, editor.read);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => { if (editor.state.phase !== "saved" || editor.state.aside.length) event.preventDefault(); };
    addEventListener("beforeunload", warn);
    return () => {
      removeEventListener("beforeunload", warn);
      if (editor.state.phase === "editing") void editor.flush().catch(() => undefined);
    };
  }, [editor]);
  return { editor, state };
}
