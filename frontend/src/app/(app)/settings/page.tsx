"use client";
import { PageHeader } from "@/components/frame/PageHeader";
import { PageBody } from "@/components/ui/Page";
import { Members } from "@/features/settings/Members";
import { Password, Profile, ThemeChoice, WorkspaceName } from "@/features/settings/SettingsForms";
import { useSession } from "@/lib/session/SessionProvider";

export default function SettingsPage() {
  const { workspace, can } = useSession();
  return (
    <>
      <PageHeader title="Settings" />
      <PageBody narrow>
        <div className="flex flex-col gap-4">
          <Profile />
          <ThemeChoice />
          <Password />
          <WorkspaceName key={workspace?.id} />
          {can("member.view") ? <Members /> : null}
        </div>
      </PageBody>
    </>
  );
}
