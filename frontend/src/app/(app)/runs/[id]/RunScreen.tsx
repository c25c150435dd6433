"use client";
import { PageHeader } from "@/components/frame/PageHeader";
import { SkeletonRows } from "@/components/ui/Panels";
import { RunPage } from "@/features/runs/RunPage";
import { useRouteId } from "@/lib/route/use-route-id";

export function RunScreen() {
  const id = useRouteId("runs");
  return id ? <RunPage key={id} id={id} /> : <><PageHeader title="Run" back={{ href: "/runs/", label: "Runs" }} /><SkeletonRows label="Loading run" /></>;
}
