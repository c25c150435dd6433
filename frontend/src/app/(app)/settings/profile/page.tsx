import { Profile } from "@/features/settings/Profile";

export default function ProfilePage() {
  return <Profile />;
}
