"use client";
import { useRouter } from "next/navigation";
import { LuKeyboard, LuLogOut, LuMonitor, LuMoon, LuSettings, LuSun } from "react-icons/lu";
import { cx } from "@/components/ui/classes";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { Skeleton } from "@/components/ui/Panels";
import { useSession } from "@/lib/session/SessionProvider";
import { setTheme, useTheme } from "@/lib/theme/theme";
import { setFrame } from "./frame-state";

export function PersonMenu({ narrow }: { narrow: boolean }) {
  const { me, leave } = useSession();
  const theme = useTheme();
  const router = useRouter();
  if (!me) return <div className="flex h-11 items-center gap-2.5 px-2"><Skeleton className="size-6 rounded-full" />{narrow ? null : <Skeleton className="h-3 w-32" />}</div>;
  const name = me.name || me.email;
  const go = (href: string) => { setFrame({ sheet: false }); router.push(href); };
  return (
    <Menu
      side="top" align="start"
      trigger={
        <button type="button" className={cx("flex h-11 w-full items-center gap-2.5 rounded-control px-2 hover:bg-hover", narrow && "justify-center px-0")}>
          <span aria-hidden data-letter={(name[0] ?? "?").toUpperCase()} className="flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-meta font-semibold text-accent before:content-[attr(data-letter)]" />
          <span className={narrow ? "sr-only" : "min-w-0 flex-1 truncate text-left text-small"}>{name}<span className="sr-only">: account menu</span></span>
        </button>
      }
    >
      <MenuItem icon={LuSettings} onSelect={() => go("/settings/")}>Settings</MenuItem>
      <MenuItem icon={LuKeyboard} onSelect={() => setFrame({ keys: true, sheet: false })}>Keyboard</MenuItem>
      <MenuLine />
      {theme === "light" ? null : <MenuItem icon={LuSun} onSelect={() => setTheme("light")}>Light theme</MenuItem>}
      {theme === "dark" ? null : <MenuItem icon={LuMoon} onSelect={() => setTheme("dark")}>Dark theme</MenuItem>}
      {theme === "system" ? null : <MenuItem icon={LuMonitor} onSelect={() => setTheme("system")}>Theme of the system</MenuItem>}
      <MenuLine />
      <MenuItem icon={LuLogOut} onSelect={() => void leave()}>Sign out</MenuItem>
    </Menu>
  );
}
