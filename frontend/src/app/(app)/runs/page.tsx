import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { RunList } from "@/features/runs/RunList";

export default function RunsPage() {
  return (
    <>
      <PageHeader title="Runs" />
      <PageBody><RunList /></PageBody>
    </>
  );
}
