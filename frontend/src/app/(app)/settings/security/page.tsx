import { Security } from "@/features/settings/Security";

export default function SecurityPage() {
  return <Security />;
}
