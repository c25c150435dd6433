import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { UsageReport } from "@/features/usage/UsageReport";

export default function UsagePage() {
  return (
    <>
      <PageHeader title="Usage" />
      <PageBody><UsageReport /></PageBody>
    </>
  );
}
