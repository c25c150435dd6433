import { SingleSignOn } from "@/features/sso/SingleSignOn";

export default function SingleSignOnPage() {
  return <SingleSignOn />;
}
