import { MyTokens } from "@/features/tokens/MyTokens";

export default function TokensPage() {
  return <MyTokens />;
}
