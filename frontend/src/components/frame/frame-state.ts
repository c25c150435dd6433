"use client";
// The few switches of the frame, shared by its parts and by pages: sidebar width, phone sheet, palette, key list.
import { useSyncExternalStore } from "react";

export type FrameState = { collapsed: boolean; sheet: boolean; palette: boolean; keys: boolean };
const KEY = "aap.sidebar";
const initial: FrameState = { collapsed: false, sheet: false, palette: false, keys: false };
let state = initial;
let restored = false;
const listeners = new Set<() => void>();

function restore(): FrameState {
  if (!restored) {
    restored = true;
    try { if (localStorage.getItem(KEY) === "narrow") state = { ...state, collapsed: true }; } catch { /* stays wide */ }
  }
  return state;
}

export function setFrame(change: Partial<FrameState>): void {
  state = { ...state, ...change };
  if (change.collapsed !== undefined) {
    try { localStorage.setItem(KEY, change.collapsed ? "narrow" : "wide"); } catch { /* lasts for this page */ }
  }
  listeners.forEach((listener) => listener());
}

export const useFrame = (): FrameState =>
  useSyncExternalStore((listener) => (listeners.add(listener), () => void listeners.delete(listener)), restore, () => initial);
