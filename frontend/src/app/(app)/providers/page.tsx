"use client";
import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { ProviderList } from "@/features/providers/ProviderList";
import { useSession } from "@/lib/session/SessionProvider";

export default function ProvidersPage() {
  const { can } = useSession();
  return (
    <>
      <PageHeader title="Models" />
      <PageBody><ProviderList mayAdd={can("provider.create")} /></PageBody>
    </>
  );
}
