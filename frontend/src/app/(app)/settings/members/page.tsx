import { Members } from "@/features/people/Members";

export default function MembersPage() {
  return <Members />;
}
