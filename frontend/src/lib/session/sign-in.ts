// The two halves of signing in. The second is only asked of those who have a second factor.
import { api } from "@/lib/api/client";
import type { KeyAnswer } from "@/lib/factor/security-key";
import type { Access, FactorMethod } from "@/lib/api/types";

export const signIn = (email: string, password: string) => api.post<Access>("auth/session/", { email, password }, { open: true });

export const signInWithFactor = (challenge: string, method: FactorMethod, response: string | KeyAnswer) =>
  api.post<Access>("auth/session/second-factor/", { challenge, method, response }, { open: true });
