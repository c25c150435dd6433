import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { OpenDecisions } from "@/features/decisions/OpenDecisions";

export default function WaitingPage() {
  return (
    <>
      <PageHeader title="Waiting for you" />
      <PageBody narrow><OpenDecisions /></PageBody>
    </>
  );
}
