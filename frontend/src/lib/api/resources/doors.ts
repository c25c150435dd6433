"use client";
// What the doors ask the server: links of mails, invitations, proofs of erasure. Nobody need be signed in.
import { api } from "../client";
import type { Accepted, ErasureProof, Invited } from "../types";

const open = { open: true };

export type Joining = { token: string; name?: string; password?: string; email?: string };

export const doorActions = {
  askForPassword: (email: string) => api.post<{ detail: string }>("auth/password/reset/", { email }, open),
  setPassword: (token: string, password: string) => api.post<void>("auth/password/reset/confirm/", { token, password }, open),
  confirmEmail: (token: string) => api.post<{ done: boolean }>("auth/email/confirm/", { token }, open),
  lookAtInvitation: (token: string) => api.post<Invited>("invitations/look/", { token }, open),
  /** As whoever is signed in. */
  join: (token: string) => api.post<Accepted>("invitations/accept/", { token }),
  joinAsNew: (input: Joining) => api.post<Accepted>("invitations/accept/", input, open),
  proofOfErasure: (code: string) => api.post<ErasureProof>("erasures/proof/", { code }, open),
};
