// What comes over the socket.
import type { RunEvent } from "@/lib/api/types";

export type EventFrame = { type: "event"; run: string; seq: number; at: string; event: RunEvent };
export type DeltaFrame = { type: "delta"; run: string; message: string; offset: number; text: string; part?: "reasoning" };
export type CaughtUpFrame = { type: "caught_up"; run: string; seq: number };
export type RunFrame = EventFrame | DeltaFrame | CaughtUpFrame;
export type ServerFrame = RunFrame
  | { type: "ready"; expires_in: number }
  | { type: "subscribed"; topic: string }
  | { type: "notice"; topic: string; run: string; what: string }
  | { type: "pong" }
  | { type: "error"; run?: string; topic?: string; code: string; detail: string };

export function parseFrame(raw: unknown): ServerFrame | null {
  if (typeof raw !== "string") return null;
  try {
    const value: unknown = JSON.parse(raw);
    return value && typeof value === "object" && typeof (value as { type?: unknown }).type === "string" ? (value as ServerFrame) : null;
  } catch { return null; }
}
