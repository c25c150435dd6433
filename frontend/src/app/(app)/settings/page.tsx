import { Profile } from "@/features/settings/Profile";
import { SettingsList } from "@/features/settings/SettingsFrame";

/** On a phone the list of sections; on a desk, where the list stands at the left anyway, the first section. */
export default function SettingsPage() {
  return (
    <>
      <div className="md:hidden"><SettingsList /></div>
      <div className="flex flex-col gap-4 max-md:hidden"><Profile /></div>
    </>
  );
}
