import { Roles } from "@/features/people/Roles";

export default function RolesPage() {
  return <Roles />;
}
