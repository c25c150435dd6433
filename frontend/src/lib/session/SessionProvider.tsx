"use client";
// Who is here, and in which workspace. Decides between set-up, sign-in and the product on the first load.
import { usePathname, useRouter } from "next/navigation";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { api } from "@/lib/api/client";
import { toProblem, type Problem } from "@/lib/api/problem";
import { onEnrolmentAsked } from "@/lib/api/proof";
import type { Me, Workspace } from "@/lib/api/types";
import { doorTo, isOpen, isPassed, SECOND_FACTOR, SETUP, SIGN_IN } from "@/lib/route/doors";
import { nextHere } from "@/lib/route/safe-next";
import { askSetUpState } from "./set-up-state";
import { acceptGrant, CLIENT_HEADER, currentToken, forgetSession, freshToken, hadSession, onSessionEnded, SESSION_PATH } from "./token";
import { pickWorkspace, rememberedWorkspace, rememberWorkspace } from "./workspace";

type State =
  | { phase: "loading" } | { phase: "setup" } | { phase: "anonymous" } | { phase: "unreachable"; problem: Problem }
  | { phase: "enrolment"; me: Me } | { phase: "ready"; me: Me; slug: string | null };

type Session = {
  phase: State["phase"];
  me: Me | null;
  workspace: Workspace | null;
  problem: Problem | null;
  can: (permission: string) => boolean;
  enter: (grant: { access: string; expires_in: number }) => Promise<void>;
  leave: () => Promise<void>;
  switchTo: (slug: string) => void;
  reload: () => Promise<void>;
};

const Context = createContext<Session | null>(null);

async function setupRequired(): Promise<boolean> {
  return (await askSetUpState()).required;
}

/** Where a second factor is asked for, whoever has none comes in only as far as setting one up. */
async function comeIn(): Promise<State> {
  const me = await api.get<Me>("me/");
  return me.second_factor.required && !me.second_factor.enrolled ? { phase: "enrolment", me } : { phase: "ready", me, slug: rememberedWorkspace() };
}

async function begin(): Promise<State> {
  try {
    const before = hadSession();
    if (!before && (await setupRequired())) return { phase: "setup" };
    const token = await freshToken();
    if (!token) return before && (await setupRequired()) ? { phase: "setup" } : { phase: "anonymous" };
    return await comeIn();
  } catch (error) {
    const problem = toProblem(error);
    return problem.status === 401 ? { phase: "anonymous" } : { phase: "unreachable", problem };
  }
}

/** Asked when this script runs, not when the page has come alive: the two take their time side by side. */
let early: Promise<State> | null = typeof window === "undefined" ? null : begin();

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>({ phase: "loading" });
  const router = useRouter();
  const path = usePathname();
  const entered = useRef(false);
  const phase = state.phase;

  useEffect(() => {
    let live = true;
    void (early ?? begin()).then((next) => { if (live) setState(next); });
    early = null;
    const stop = onSessionEnded(() => setState({ phase: "anonymous" }));
    return () => { live = false; stop(); };
  }, []);

  useEffect(() => {
    if (phase !== "unreachable") return;
    const retry = setInterval(() => void begin().then(setState), 4_000);
    return () => clearInterval(retry);
  }, [phase]);

  useEffect(() => {
    const inSetup = path.startsWith("/setup");
    const target = isPassed(path) ? nextHere() : location.pathname + location.search;
    if (phase === "setup" && !inSetup) router.replace(`${SETUP}${location.hash}`);
    if (phase === "ready") entered.current = true;
    if (phase === "ready" && path.startsWith("/second-factor")) router.replace(target);
    if (phase === "enrolment" && !path.startsWith("/second-factor") && (!isOpen(path) || isPassed(path))) router.replace(doorTo(SECOND_FACTOR, target));
    if (phase === "anonymous" && inSetup) router.replace(SIGN_IN);
    else if (phase === "anonymous" && !isOpen(path)) {
      const door = doorTo(SIGN_IN, target);
      if (entered.current) location.replace(door); else router.replace(door);
    }
  }, [phase, path, router]);

  const reload = useCallback(async () => setState(await comeIn()), []);

  useEffect(() => onEnrolmentAsked(() => void reload().catch(() => undefined)), [reload]);

  const enter = useCallback(async (grant: { access: string; expires_in: number }) => {
    acceptGrant(grant);
    await reload();
  }, [reload]);

  const leave = useCallback(async () => {
    try { await fetch(SESSION_PATH, { method: "DELETE", headers: { ...CLIENT_HEADER, Authorization: `Bearer ${currentToken() ?? ""}` } }); } catch { /* signing out here still holds */ }
    forgetSession();
    try { sessionStorage.clear(); } catch { /* nothing was kept */ }
    // A full load empties every cache in memory: the next person must not see this one's.
    location.assign("/sign-in/"); // eslint-disable-line @next/next/no-location-assign-relative-destination -- the full load is the point
  }, []);

  const switchTo = useCallback((slug: string) => {
    rememberWorkspace(slug);
    setState((now) => (now.phase === "ready" ? { ...now, slug } : now));
    router.push("/");
  }, [router]);

  const value = useMemo<Session>(() => {
    const me = state.phase === "ready" || state.phase === "enrolment" ? state.me : null;
    const workspace = state.phase === "ready" ? pickWorkspace(state.me.workspaces, state.slug) : null;
    return {
      phase: state.phase, me, workspace, problem: state.phase === "unreachable" ? state.problem : null,
      can: (permission) => workspace?.permissions.includes(permission) ?? false, enter, leave, switchTo, reload,
    };
  }, [state, enter, leave, switchTo, reload]);

  return <Context value={value}>{children}</Context>;
}

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("useSession needs SessionProvider");
  return session;
}

/** The key for cached resources; null until it is known, which SWR reads as "not yet". */
export function useWorkspaceId(): string | null {
  return useSession().workspace?.id ?? null;
}
