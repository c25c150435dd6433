// Roles, levels and permissions in words, in one place: what the server calls `agent.edit_any`, people read as a sentence.

const roles: Record<string, { name: string; text: string }> = {
  owner: { name: "Owner", text: "do everything, also decide how people sign in and how long things are kept" },
  admin: { name: "Admin", text: "do everything but what is kept to owners" },
  builder: { name: "Builder", text: "make agents, connect models to them, and chat" },
  user: { name: "User", text: "chat with agents" },
  viewer: { name: "Viewer", text: "look at agents, and at chats that were shared with them" },
  auditor: { name: "Auditor", text: "read the audit log and the settings, but no chats" },
};

/** A built-in role by its key, with what one can do in it; a workspace's own role has only the name that it was given. */
export const roleWords = (role: string): { name: string; text: string } => roles[role] ?? { name: role, text: "" };
