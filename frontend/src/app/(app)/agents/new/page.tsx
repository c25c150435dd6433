import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { NewAgent } from "@/features/agents/NewAgent";

export default function NewAgentPage() {
  return (
    <>
      <PageHeader title="New agent" back={{ href: "/agents/", label: "Agents" }} />
      <PageBody narrow><NewAgent /></PageBody>
    </>
  );
}
