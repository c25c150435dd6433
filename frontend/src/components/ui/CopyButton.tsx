"use client";
import { useEffect, useState } from "react";
import { LuCheck, LuCopy } from "react-icons/lu";
import { Button, IconButton } from "./Button";

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages over plain HTTP on another host have no clipboard object.
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({ text, label, words, className }: { text: string | (() => string); label: string; words?: boolean; className?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1_600);
    return () => clearTimeout(timer);
  }, [done]);
  const act = () => void copy(typeof text === "function" ? text() : text).then(() => setDone(true), () => undefined);
  const icon = done ? LuCheck : LuCopy;
  if (words) return <Button size="small" look="quiet" icon={icon} onClick={act} className={className}><span aria-live="polite">{done ? "Copied" : label}</span></Button>;
  return <IconButton icon={icon} label={done ? "Copied" : label} onClick={act} className={className} />;
}
