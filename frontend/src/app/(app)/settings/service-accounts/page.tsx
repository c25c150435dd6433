import { ServiceAccounts } from "@/features/tokens/ServiceAccounts";

export default function ServiceAccountsPage() {
  return <ServiceAccounts />;
}
