import { Groups } from "@/features/people/Groups";

export default function GroupsPage() {
  return <Groups />;
}
