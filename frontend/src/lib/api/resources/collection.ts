"use client";
// The two reads that every resource shares: a list that grows page by page, and one object.
import { useEffect, useMemo } from "react";
import useSWR, { mutate as mutateAll, type SWRConfiguration } from "swr";
import useSWRInfinite from "swr/infinite";
import { api } from "../client";
import { within } from "../keys";
import type { Problem } from "../problem";
import type { Page } from "../types";

const fetcher = <T,>(path: string) => api.get<T>(path);

const withCursor = (path: string, cursor: string) => `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;

/** The lists on screen. Endless lists are out of reach of the cache's own filter, so they sign up here. */
const shown = new Map<() => void, string>();

/** Reads again whatever is on screen below a path; what is not on screen is read when it comes back. */
export function invalidate(path: string): void {
  void mutateAll(within(path));
  // Several parts of a screen may show the same list; one reading serves them all.
  const lists = new Map<string, () => void>();
  shown.forEach((key, reread) => { if (key.startsWith(path) && !key.slice(path.length).includes("/messages/")) lists.set(key, reread); });
  lists.forEach((reread) => reread());
}

export type ListState<T> = {
  items: T[] | undefined; problem: Problem | undefined; loading: boolean;
  hasMore: boolean; loadMore: () => void; loadingMore: boolean; retry: () => void;
};

export function useList<T>(path: string | null, config?: SWRConfiguration): ListState<T> {
  const { data, error, isLoading, isValidating, setSize, size, mutate } = useSWRInfinite<Page<T>, Problem>(
    (index: number, previous: Page<T> | null) => {
      if (!path) return null;
      if (index === 0) return path;
      return previous?.next ? withCursor(path, previous.next) : null;
    },
    fetcher,
    { revalidateFirstPage: true, keepPreviousData: true, ...(config as object) },
  );
  useEffect(() => {
    if (!path) return;
    const reread = () => void mutate();
    shown.set(reread, path);
    return () => void shown.delete(reread);
  }, [path, mutate]);
  const items = useMemo(() => data?.flatMap((page) => page.results), [data]);
  const last = data?.[data.length - 1];
  return {
    items, problem: items ? undefined : error, loading: !items && !error && (isLoading || !path),
    hasMore: Boolean(last?.next), loadMore: () => void setSize((n) => n + 1),
    loadingMore: isValidating && size > (data?.length ?? 0), retry: () => void mutate(),
  };
}

export type OneState<T> = { value: T | undefined; problem: Problem | undefined; loading: boolean; retry: () => void };

export function useOne<T>(path: string | null, config?: SWRConfiguration): OneState<T> {
  const { data, error, mutate } = useSWR<T, Problem>(path, fetcher, config as object);
  return { value: data, problem: data === undefined ? error : undefined, loading: data === undefined && !error, retry: () => void mutate() };
}
