"use client";
import type { ReactNode } from "react";
import { DoorCard, DoorNews } from "./DoorCard";

/** A link without its secret, or whose time is over. */
export function LinkGone({ title, text, action }: { title: string; text: string; action?: ReactNode }) {
  return <DoorCard title={title}><DoorNews action={action}>{text}</DoorNews></DoorCard>;
}
