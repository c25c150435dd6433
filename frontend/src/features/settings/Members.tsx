"use client";
import { LuUsers } from "react-icons/lu";
import { Card, TableBox } from "@/components/ui/Page";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Time } from "@/components/ui/Time";
import { useMembers } from "@/lib/api/resources/workspace";

export function Members() {
  const list = useMembers();
  return (
    <Card flush title="Members" note="Who is in this workspace, and as what.">
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={3} label="Loading members" /> : null}
      {list.items?.length === 0 ? <Empty icon={LuUsers} title="Nobody is listed" /> : null}
      {list.items?.length ? (
        <TableBox label="Members">
          <thead><tr><th scope="col">Person</th><th scope="col">Role</th><th scope="col">Since</th></tr></thead>
          <tbody>{list.items.map((member) => <tr key={member.id}><td><span className="block font-medium">{member.user.name || member.user.email}</span>{member.user.name ? <span className="block text-muted">{member.user.email}</span> : null}</td><td>{member.role}</td><td className="text-muted"><Time at={member.created_at} /></td></tr>)}</tbody>
        </TableBox>
      ) : null}
    </Card>
  );
}
