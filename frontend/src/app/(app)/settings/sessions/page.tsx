import { Sessions } from "@/features/settings/Sessions";

export default function SessionsPage() {
  return <Sessions />;
}
