"use client";
import { LuChevronsUpDown } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { Menu, MenuChoice, MenuLabel } from "@/components/ui/Menu";
import { Skeleton } from "@/components/ui/Panels";
import { useSession } from "@/lib/session/SessionProvider";
import { Logo } from "./Logo";

/** The workspace's name; a menu only for people who have several. */
export function WorkspaceSwitcher({ narrow }: { narrow: boolean }) {
  const { me, workspace, switchTo } = useSession();
  const face = (
    <>
      <Logo />
      {narrow ? null : workspace ? <span className="min-w-0 flex-1 truncate text-left font-semibold">{workspace.name}</span> : <Skeleton className="h-4 w-28" />}
    </>
  );
  const shape = cx("flex h-10 min-w-0 items-center gap-2.5 rounded-control px-2", !narrow && "flex-1");
  if (!me || me.workspaces.length < 2) return <div className={shape}>{face}</div>;
  return (
    <Menu
      align="start"
      trigger={<button type="button" className={cx(shape, "hover:bg-hover")}>{face}<span className="sr-only">{narrow ? workspace?.name : ""}: switch workspace</span>{narrow ? null : <LuChevronsUpDown size={16} className="shrink-0 text-muted" aria-hidden />}</button>}
    >
      <MenuLabel>Workspaces</MenuLabel>
      <MenuChoice value={workspace?.slug ?? null} onChange={switchTo} options={me.workspaces.map((one) => ({ value: one.slug, label: one.name, note: one.role }))} />
    </Menu>
  );
}
