"use client";
import { Card } from "@/components/ui/Page";
import { useSession } from "@/lib/session/SessionProvider";
import { TokenList } from "./TokenList";

export function MyTokens() {
  const { can, workspace } = useSession();
  return (
    <Card flush title="API tokens" note={`For programs that act as you in ${workspace?.name ?? "this workspace"}, never with more than you may at that moment.`}>
      <TokenList account={null} held={workspace?.permissions ?? []} whose="you" mayEdit={can("api_token.edit")} />
    </Card>
  );
}
