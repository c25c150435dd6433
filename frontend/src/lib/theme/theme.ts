"use client";
// Light, dark, or what the system says. The first paint is set by the inline script in the root layout.
import { useSyncExternalStore } from "react";
import { THEME_KEY } from "./theme-script";

export type Theme = "system" | "light" | "dark";

const listeners = new Set<() => void>();
const prefersDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

function read(): Theme {
  try {
    const value = localStorage.getItem(THEME_KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch { return "system"; }
}

function apply(): void {
  const theme = read();
  document.documentElement.dataset.theme = theme === "system" ? (prefersDark() ? "dark" : "light") : theme;
}

export function setTheme(theme: Theme): void {
  try { if (theme === "system") localStorage.removeItem(THEME_KEY); else localStorage.setItem(THEME_KEY, theme); } catch { /* lasts for this page */ }
  apply();
  listeners.forEach((listener) => listener());
}

function watch(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

export const useTheme = (): Theme => useSyncExternalStore(watch, read, () => "system");
