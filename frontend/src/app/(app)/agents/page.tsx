"use client";
import { LuPlus } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { ButtonLink } from "@/components/ui/Button";
import { PageBody } from "@/components/ui/Page";
import { AgentList } from "@/features/agents/AgentList";
import { useSession } from "@/lib/session/SessionProvider";

export default function AgentsPage() {
  const { can } = useSession();
  return (
    <>
      <PageHeader title="Agents">{can("agent.create") ? <ButtonLink href="/agents/new/" look="primary" size="small" icon={LuPlus}>New agent</ButtonLink> : null}</PageHeader>
      <PageBody narrow><AgentList /></PageBody>
    </>
  );
}
