// One key factory for everything that is cached. A key is the path below the workspace, so that an invalidation can
// name one object, one list, or every list of a resource.
export type Filters = Record<string, string | number | boolean | undefined>;

const base = (workspace: string) => `workspaces/${encodeURIComponent(workspace)}/`;
const query = (filters?: Filters) => {
  const pairs = Object.entries(filters ?? {}).filter(([, value]) => value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)])).toString()}` : "";
};
const resource = (name: string) => ({
  list: (workspace: string, filters?: Filters) => `${base(workspace)}${name}/${query(filters)}`,
  one: (workspace: string, id: string) => `${base(workspace)}${name}/${encodeURIComponent(id)}/`,
});

export const keys = {
  factors: "me/second-factors/",
  logins: "me/sessions/",
  identities: "me/identities/",
  workspace: base,
  members: resource("members"),
  invitations: resource("invitations"),
  groups: resource("groups"),
  groupMembers: (workspace: string, group: string) => `${base(workspace)}groups/${encodeURIComponent(group)}/members/`,
  roles: resource("roles"),
  tokens: resource("api-tokens"),
  serviceAccounts: resource("service-accounts"),
  accountTokens: (workspace: string, account: string) => `${base(workspace)}service-accounts/${encodeURIComponent(account)}/api-tokens/`,
  sso: resource("sso"),
  retention: (workspace: string) => `${base(workspace)}retention/`,
  audit: (workspace: string, filters?: Filters) => `${base(workspace)}audit/${query(filters)}`,
  auditKinds: (workspace: string) => `${base(workspace)}audit/kinds/`,
  auditExport: (workspace: string, filters?: Filters) => `${base(workspace)}audit/export/${query(filters)}`,
  auditStanding: (workspace: string, check = false) => `${base(workspace)}audit/verify/${check ? "?check=true" : ""}`,
  /** What is shared, as `agents/agt_…`: its grants, who has access, and whether it lies open. */
  grants: (workspace: string, object: string) => `${base(workspace)}${object}/grants/`,
  access: (workspace: string, object: string) => `${base(workspace)}${object}/access/`,
  visibility: (workspace: string, object: string) => `${base(workspace)}${object}/visibility/`,
  providers: resource("providers"),
  providerKinds: (workspace: string) => `${base(workspace)}providers/kinds/`,
  discovered: (workspace: string) => `${base(workspace)}providers/discovered/`,
  models: resource("models"),
  tools: resource("tools"),
  agents: resource("agents"),
  versions: (workspace: string, agent: string) => `${base(workspace)}agents/${agent}/versions/`,
  conversations: resource("conversations"),
  messages: (workspace: string, conversation: string, filters?: Filters) =>
    `${base(workspace)}conversations/${encodeURIComponent(conversation)}/messages/${query(filters)}`,
  runs: resource("runs"),
  decisions: resource("decisions"),
  events: (workspace: string, run: string, after: number, limit = 200) => `${base(workspace)}runs/${encodeURIComponent(run)}/events/?after=${after}&limit=${limit}`,
  usage: (workspace: string, days: number) => `${base(workspace)}usage/?days=${days}`,
};

/** Matches every cached object and plain list below a path. Endless lists are reread by whoever shows them. */
export const within = (path: string) => (key: unknown): boolean =>
  typeof key === "string" && (key.startsWith(path) || key.startsWith(`tagged:${path}`));
