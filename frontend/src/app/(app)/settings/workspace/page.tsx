import { General } from "@/features/workspace/General";

export default function GeneralPage() {
  return <General />;
}
