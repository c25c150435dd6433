"use client";
import { PageHeader } from "@/components/frame/PageHeader";
import { Card, PageBody } from "@/components/ui/Page";
import { NotAllowed } from "@/components/ui/Panels";
import { NewAgent } from "@/features/agents/NewAgent";
import { useSession } from "@/lib/session/SessionProvider";

export default function NewAgentPage() {
  const { can } = useSession();
  return (
    <>
      <PageHeader title="New agent" back={{ href: "/agents/", label: "Agents" }} />
      <PageBody narrow>{can("agent.create") ? <NewAgent /> : <Card flush><NotAllowed title="You may not make agents">An owner or admin of this workspace can give you a role that may.</NotAllowed></Card>}</PageBody>
    </>
  );
}
