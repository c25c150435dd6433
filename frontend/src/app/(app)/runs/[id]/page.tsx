import { RunScreen } from "./RunScreen";

export const dynamicParams = false;
export const generateStaticParams = () => [{ id: "_" }];

export default function RunRoute() {
  return <RunScreen />;
}
