// The names that the client uses for the shapes in the server's OpenAPI document. `make types` writes the document and
// schema.gen.ts again; only what the document does not say is written here by hand.
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Money = Schemas["MoneyOut"] | null;
export type Person = Schemas["PersonOut"];
export type Page<T> = { results: T[]; next: string | null };

export type Workspace = Schemas["MembershipOut"];
export type Me = Schemas["MeOut"];
export type Member = Schemas["MemberOut"];
export type FactorMethod = Schemas["FactorMethodEnum"];
export type Factor = Schemas["FactorOut"];
export type Factors = Schemas["FactorsOut"];
export type FactorBegun = Schemas["BeginFactorOut"];
export type FactorAdded = Schemas["NewFactorOut"];
export type Login = Schemas["SessionOut"];
export type Erasure = Schemas["ErasureOut"];
export type ErasureProof = Schemas["ProofOut"];
export type Invited = Schemas["InvitationLookOut"];
export type Accepted = Schemas["AcceptOut"];

export type WorkspaceSettings = Schemas["WorkspaceOut"];
export type Retention = Schemas["RetentionOut"];
export type Invitation = Schemas["InvitationOut"];
export type InvitationInput = Schemas["InvitationInRequest"];
export type InvitationMade = Schemas["InvitedOut"];
export type Group = Schemas["GroupOut"];
export type Role = Schemas["RoleOut"];
export type Permission = Schemas["PermissionEnum"];
export type Token = Schemas["TokenOut"];
export type TokenInput = Schemas["TokenInRequest"];
export type TokenPatch = Schemas["PatchedTokenPatchRequest"];
export type TokenSecret = Schemas["TokenSecretOut"];
export type ServiceAccount = Schemas["ServiceAccountOut"];
export type AuditEntry = Schemas["AuditEntryOut"];
export type AuditStanding = Schemas["AuditStandingOut"];
export type AuditKinds = Schemas["AuditKindsOut"];
export type SsoWay = Schemas["SsoWayOut"];
export type SsoConnection = Schemas["SsoConnectionOut"];
export type SetUpState = Schemas["SetUpState"];
export type SsoConnectionInput = Schemas["SsoConnectionInRequest"];
export type SsoConnectionPatch = Schemas["PatchedSsoConnectionPatchRequest"];
export type SsoTest = Schemas["SsoTestOut"];
export type Identity = Schemas["IdentityOut"];
export type Level = Schemas["LevelEnum"];
export type Grant = Schemas["GrantOut"];
export type ObjectAccess = Schemas["ObjectAccessOut"];
export type Visibility = Schemas["VisibilityEnum"];

export type ProviderKind = Schemas["KindOut"];
export type Discovered = Schemas["DiscoveredOut"];
export type Health = Schemas["HealthOut"];
export type Provider = Schemas["ProviderOut"];
export type ProviderInput = Partial<Schemas["ProviderInRequest"]> & Pick<Schemas["ProviderInRequest"], "kind" | "name">;
export type Check = Schemas["ConnectionOut"];
export type Model = Schemas["ModelOut"];

export type Tool = Schemas["ToolOut"];
export type Limits = Schemas["LimitsOut"];
export type Draft = Schemas["DraftOut"];
export type Published = Schemas["AgentOut"]["published"];
export type Agent = Schemas["AgentOut"];
export type AgentInput = Partial<Schemas["AgentInRequest"]>;
export type Version = Schemas["VersionOut"];

export type Conversation = Schemas["ConversationOut"];
export type Mode = Schemas["ModeEnum"];
export type Finish = Schemas["EventMessageCompleted"]["finish"];
export type Outcome = Schemas["EventToolCompleted"]["outcome"];
export type Usage = Schemas["UsageOut"];
export type MessageCall = Schemas["MessageToolCallOut"];
export type Message = Schemas["MessageOut"];
export type MessagePage = Schemas["MessagePageOut"];

export type Run = Schemas["RunOut"];
export type RunStatus = Run["status"];
export type Decision = Schemas["DecisionOut"];
export type RunAccepted = Schemas["RunAccepted"];
export type MessageAccepted = Schemas["MessageAccepted"];
export type PublishAnswer = Schemas["PublishOut"];
export type Access = Schemas["AccessOut"];
export type SetUpAnswer = Schemas["SetUpOut"];

/** An event that this client knows, by its type. */
export type KnownEvent = Schemas["Event"];
/** An event of a run. Unknown types are kept and shown raw, never refused. */
export type RunEvent = { type: string } & Record<string, unknown>;
export type JournalRow = Omit<Schemas["RunEventOut"], "event"> & { event: RunEvent };
export type EventPage = Omit<Schemas["EventPageOut"], "results"> & { results: JournalRow[] };

export type Totals = Schemas["SumOut"];
export type UsageReport = Schemas["UsageSummaryOut"];
