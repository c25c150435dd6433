"use client";
// What belongs to the person and to no workspace: second factors, sign-ins, password, address, their data.
import { mutate } from "swr";
import type { KeyAnswer } from "@/lib/factor/security-key";
import { api } from "../client";
import { keys } from "../keys";
import type { FactorAdded, FactorBegun, FactorMethod, Factors, Login, Erasure } from "../types";
import { invalidate, useList, useOne } from "./collection";

export const useFactors = () => useOne<Factors>(keys.factors);
export const useLogins = () => useList<Login>(keys.logins);

const reread = async (path: string) => { await mutate(path); };

export const factorActions = {
  begin: (method: FactorBegun["method"]) => api.post<FactorBegun>(`${keys.factors}begin/`, { method }),
  finish: async (challenge: string, response: string | KeyAnswer, name: string) => {
    const added = await api.post<FactorAdded>(keys.factors, name ? { challenge, response, name } : { challenge, response });
    await reread(keys.factors);
    return added;
  },
  rename: async (id: string, name: string) => {
    await api.patch<void>(`${keys.factors}${encodeURIComponent(id)}/`, { name });
    await reread(keys.factors);
  },
  remove: async (id: string) => {
    await api.remove(`${keys.factors}${encodeURIComponent(id)}/`);
    await reread(keys.factors);
  },
  newCodes: async () => {
    const { recovery_codes } = await api.post<{ recovery_codes: string[] }>(`${keys.factors}recovery-codes/`);
    await reread(keys.factors);
    return recovery_codes;
  },
};

export const proofActions = {
  password: (password: string) => api.post<void>("me/reauthenticate/", { password }),
  withoutPassword: () => api.post<void>("me/reauthenticate/", {}),
  factor: (challenge: string, method: FactorMethod, response: string | KeyAnswer) => api.post<void>("me/reauthenticate/", { challenge, method, response }),
};

export const loginActions = {
  end: async (id: string) => { await api.remove(`${keys.logins}${encodeURIComponent(id)}/`); invalidate(keys.logins); },
  endOthers: async () => { const { ended } = await api.remove<{ ended: number }>(keys.logins); invalidate(keys.logins); return ended; },
};

export const accountActions = {
  rename: (name: string) => api.patch<void>("me/", { name }),
  changePassword: (current: string, next: string) => api.post<void>("me/password/", { current_password: current, new_password: next }),
  changeEmail: (email: string) => api.post<{ detail: string }>("me/email/", { email }),
  download: () => api.download("POST", "me/export/"),
  erase: (confirm: string) => api.post<Erasure>("me/erase/", { confirm }),
};
