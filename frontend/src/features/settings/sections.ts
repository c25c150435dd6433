// The sections of the settings, each with an address of its own. What somebody may not see is not offered to them.
import type { IconType } from "react-icons";
import { LuBot, LuBuilding2, LuFingerprint, LuHardDriveDownload, LuKeyRound, LuMonitorSmartphone, LuScrollText, LuSettings2, LuShieldCheck, LuUser, LuUsers, LuUsersRound } from "react-icons/lu";

export type Section = { href: string; label: string; text: string; icon: IconType; permission?: string; wide?: boolean };

export const yours: Section[] = [
  { href: "/settings/profile/", label: "Profile", text: "Name, e-mail address, theme", icon: LuUser },
  { href: "/settings/security/", label: "Sign-in security", text: "Password and second factors", icon: LuFingerprint },
  { href: "/settings/sessions/", label: "Sessions and devices", text: "Where you are signed in", icon: LuMonitorSmartphone },
  { href: "/settings/tokens/", label: "API tokens", text: "For programs that act for you", icon: LuKeyRound, permission: "api_token.view" },
  { href: "/settings/privacy/", label: "Your data", text: "Take it along, or be erased", icon: LuHardDriveDownload },
];

export const workspaces: Section[] = [
  { href: "/settings/workspace/", label: "General", text: "Name, second factor, retention", icon: LuSettings2, permission: "workspace.view" },
  { href: "/settings/members/", label: "Members", text: "People, roles and invitations", icon: LuUsers, permission: "member.view" },
  { href: "/settings/groups/", label: "Groups", text: "People to share with at once", icon: LuUsersRound, permission: "group.view" },
  { href: "/settings/roles/", label: "Roles", text: "What each role may do", icon: LuShieldCheck, permission: "role.view" },
  { href: "/settings/service-accounts/", label: "Service accounts", text: "Programs with rights of their own", icon: LuBot, permission: "service_account.view" },
  { href: "/settings/sso/", label: "Single sign-on", text: "Your organisation’s own sign-in", icon: LuBuilding2, permission: "sso.view" },
  { href: "/settings/audit/", label: "Audit log", text: "Who did what, when", icon: LuScrollText, permission: "audit.view", wide: true },
];

export const allowed = (sections: Section[], can: (permission: string) => boolean): Section[] => sections.filter((one) => !one.permission || can(one.permission));

export const sectionAt = (path: string): Section | undefined => [...yours, ...workspaces].find((one) => path === one.href);
