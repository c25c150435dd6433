import { Privacy } from "@/features/settings/Privacy";

export default function PrivacyPage() {
  return <Privacy />;
}
