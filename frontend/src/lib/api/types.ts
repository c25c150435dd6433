// The shapes of the HTTP interface, written by hand from its contract. `npm run types` writes the complete
// set from the server's OpenAPI document beside this file; these names stay what the client imports.

export type Money = { amount: string; currency: string } | null;
export type Person = { id: string; email: string; name: string };
export type Page<T> = { results: T[]; next: string | null };

export type Workspace = { id: string; slug: string; name: string; role: string; permissions: string[] };
export type Me = { id: string; email: string; name: string; workspaces: Workspace[] };
export type Member = { id: string; user: Person; role: string; created_at: string };

export type ProviderKind = {
  kind: string; label: string; needs_key: boolean; needs_base_url: boolean;
  default_base_url: string | null; local: boolean; help: string;
};
export type Discovered = {
  kind: string; name: string; source: "local" | "environment" | "builtin"; base_url: string | null;
  reachable: boolean; models: string[]; key_hint: string | null; detail: string;
};
export type Health = { state: "unknown" | "ok" | "failing"; detail: string; checked_at: string | null };
export type Provider = {
  id: string; kind: string; name: string; base_url: string | null; key_hint: string | null; health: Health;
  enabled: boolean; options: Record<string, unknown>; model_count: number; created_at: string; updated_at: string;
};
export type ProviderInput = {
  kind: string; name: string; base_url?: string; api_key?: string;
  options?: Record<string, unknown>; use_environment_key?: boolean;
};
export type Check = { ok: boolean; detail: string; models: string[] };
export type Model = {
  id: string; provider: string; provider_name: string; provider_kind: string; local: boolean; name: string; label: string;
  capabilities: { tools: boolean; reasoning: boolean; vision: boolean };
  context_window: number | null; price: { input: Money; output: Money } | null; enabled: boolean;
};

export type Tool = {
  name: string; title: string; description: string; effect: "read" | "idempotent" | "once"; parameters: unknown;
};
export type Limits = { max_steps: number; max_tokens: number | null; max_seconds: number };
export type Draft = {
  instructions: string; model: string | null; model_name: string | null; tools: string[]; limits: Limits; starters: string[];
};
export type Published = { number: number; hash: string; published_at: string; model: string; model_name: string } | null;
export type Agent = {
  id: string; name: string; description: string; owner: Person; draft: Draft; published: Published;
  changes: string[]; permissions: string[]; revision: number; created_at: string; updated_at: string;
};
export type AgentInput = Partial<Omit<Draft, "model_name"> & { name: string; description: string }>;
export type Version = Draft & { number: number; hash: string; notes: string; published_at: string; published_by: Person | null };

export type Conversation = {
  id: string; title: string; agent: { id: string; name: string }; draft: boolean; pinned: boolean; archived: boolean;
  created_at: string; updated_at: string; last_run: { id: string; status: RunStatus } | null;
};
export type Finish = "stop" | "length" | "tool_calls" | "cancelled" | "failed" | "refused";
export type Outcome = "ok" | "error" | "denied" | "cancelled" | "unknown";
export type Usage = { input_tokens: number; output_tokens: number; reasoning_tokens?: number; cached_tokens?: number };
export type MessageCall = {
  call: string; name: string; arguments: unknown; outcome: Outcome | null; result: unknown;
  started_at: string | null; completed_at: string | null;
};
export type Message = {
  id: string; run: string; seq: number; role: "user" | "assistant"; text: string; reasoning: string | null; finish: Finish | null;
  at: string; agent: { id: string; name: string; version: number | null; draft: boolean } | null; model_name: string | null;
  tool_calls: MessageCall[]; usage: Usage | null; cost: Money; attempt: number;
};
export type MessagePage = Page<Message> & { runs: Record<string, Run>; open_runs: string[] };

export type RunStatus = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";
export type Run = {
  id: string; status: RunStatus; stop_reason: string | null; error: { code: string; detail: string } | null;
  agent: { id: string; name: string }; version: number | null; draft: boolean; model_name: string | null;
  conversation: string | null; last_seq: number; attempts: number; output: { text: string } | null; usage: Usage | null;
  cost: Money; started_by: Person | null; request_id: string | null;
  created_at: string; started_at: string | null; ended_at: string | null; continues?: { run: string; seq: number } | null;
};
export type JournalRow = { seq: number; at: string; event: RunEvent };
export type EventPage = { results: JournalRow[]; next: number | null };

/** An event of a run. Unknown types are kept and shown raw, never refused. */
export type RunEvent = { type: string } & Record<string, unknown>;

export type Totals = { tokens: number; cost: Money; runs: number };
export type UsageReport = {
  today: Totals; month: Totals;
  by_day: ({ day: string } & Totals)[];
  by_agent: ({ agent: { id: string; name: string } } & Totals)[];
  by_model: ({ model_name: string } & Totals)[];
};
