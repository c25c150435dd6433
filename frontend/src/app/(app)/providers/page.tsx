"use client";
import { useState } from "react";
import { LuPlus } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { Button } from "@/components/ui/Button";
import { PageBody } from "@/components/ui/Page";
import { ProviderList } from "@/features/providers/ProviderList";
import { useProviders } from "@/lib/api/resources/providers";
import { useSession } from "@/lib/session/SessionProvider";

export default function ProvidersPage() {
  const { can } = useSession();
  const [adding, setAdding] = useState(false);
  const mayAdd = can("provider.create");
  const { items } = useProviders();
  return (
    <>
      <PageHeader title="Models">{mayAdd && items?.length ? <Button look="primary" size="small" icon={LuPlus} onClick={() => setAdding(true)}>Add provider</Button> : null}</PageHeader>
      <PageBody><ProviderList mayAdd={mayAdd} adding={adding} onAdding={setAdding} /></PageBody>
    </>
  );
}
