// Permissions in words, by what they are about. What the server learns later is shown by its own name, never hidden.

export type Right = { permission: string; word: string };
export type RightGroup = { resource: string; label: string; rights: Right[] };

const resources: Record<string, string> = {
  agent: "Agents", conversation: "Chats", run: "Runs", decision: "Questions to people", model: "Models", provider: "Providers", tool: "Tools", usage: "Usage",
  workspace: "Workspace", member: "Members", invitation: "Invitations", group: "Groups", role: "Roles", api_token: "API tokens", service_account: "Service accounts",
  sso: "Single sign-on", scim: "Directory (SCIM)", retention: "Retention", audit: "Audit log",
};
const order = Object.keys(resources);

const words: Record<string, string> = {
  view: "see", create: "make", edit: "change", delete: "delete", share: "share", publish: "publish", run: "use", remove: "remove", revoke: "revoke", export: "export",
  edit_any: "everybody's", view_any: "see everybody's", manage_any: "manage everybody's", manage: "manage everybody's",
  speak: "write in", cancel: "stop", resolve: "answer",
};
const special: Record<string, string> = {
  "agent.edit_any": "reach everybody's", "provider.edit_any": "reach all of them", "run.create": "start", "api_token.edit": "make and change", "usage.view": "see own", "sso.edit": "set up", "scim.manage": "manage people and groups",
};
const verbs = ["view", "create", "run", "speak", "resolve", "cancel", "edit", "publish", "share", "delete", "remove", "revoke", "export", "view_any", "edit_any", "manage", "manage_any"];

const split = (permission: string): [string, string] => {
  const at = permission.indexOf(".");
  return [permission.slice(0, at), permission.slice(at + 1)];
};
const rank = (list: string[], one: string): number => (list.includes(one) ? list.indexOf(one) : list.length);

export function rightWord(permission: string): string {
  return special[permission] ?? words[split(permission)[1]] ?? split(permission)[1].replaceAll("_", " ");
}

export const resourceLabel = (resource: string): string => resources[resource] ?? resource.replaceAll("_", " ");

/** Grouped by what they are about, each group from looking to deleting. */
export function rightGroups(permissions: Iterable<string>): RightGroup[] {
  const found = new Map<string, string[]>();
  for (const permission of new Set(permissions)) {
    const [resource] = split(permission);
    found.set(resource, [...(found.get(resource) ?? []), permission]);
  }
  return [...found.entries()]
    .sort(([a], [b]) => rank(order, a) - rank(order, b) || a.localeCompare(b))
    .map(([resource, all]) => ({
      resource, label: resourceLabel(resource),
      rights: all.sort((a, b) => rank(verbs, split(a)[1]) - rank(verbs, split(b)[1])).map((permission) => ({ permission, word: rightWord(permission) })),
    }));
}

/** Looking at things, own ones and others', and nothing that takes them away or along. */
export const onlyReads = (permission: string): boolean => ["view", "view_any"].includes(split(permission)[1]);

/** What no API token can carry, whoever makes it. */
const notForTokens = new Set(["api_token.edit", "api_token.manage", "service_account.edit", "sso.edit"]);
export const forTokens = (held: string[]): string[] => held.filter((permission) => !notForTokens.has(permission));

/** A token's permissions in a few words, beside all that its holder may do. */
export function inShort(scopes: string[], held: string[]): string {
  const has = (all: string[]) => all.length > 0 && all.every((permission) => scopes.includes(permission));
  if (!scopes.length) return "May do nothing";
  if (has(forTokens(held))) return "May do everything that its holder may";
  if (scopes.every(onlyReads) && has(held.filter(onlyReads))) return "Reads everything that its holder may see";
  const about = rightGroups(scopes).map((group) => (/^[A-Z]{2}/.test(group.label) ? group.label : group.label.toLowerCase()));
  const what = about.length > 3 ? `${about.slice(0, 2).join(", ")} and ${about.length - 2} more` : about.join(", ");
  return scopes.every(onlyReads) ? `Reads ${what}` : `May use ${what}`;
}
