"use client";
import type { ReactNode } from "react";
import type { Saving } from "@/lib/forms/use-saving";
import { Button } from "./Button";
import { ProblemNote } from "./Panels";

/** A small form with one act. A refusal that belongs to no field of it stands above the button. */
export function SaveForm({ saving, fields, act, disabled, children }: { saving: Saving; fields: string[]; act: string; disabled?: boolean; children: ReactNode }) {
  const { busy, problem, submit } = saving;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {children}
      {problem && !fields.some((field) => problem.field(field)) ? <ProblemNote problem={problem} /> : null}
      <Button type="submit" look="primary" size="small" className="self-start" busy={busy} disabled={disabled}>{act}</Button>
    </form>
  );
}
