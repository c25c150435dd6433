import { BuilderScreen } from "./BuilderScreen";

export const dynamicParams = false;
export const generateStaticParams = () => [{ id: "_" }];

export default function AgentPage() {
  return <BuilderScreen />;
}
