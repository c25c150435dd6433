// The one way to the server: adds the token, renews it once on 401, and turns every failure into a Problem.
import axios, { type AxiosRequestConfig, type AxiosResponse, type InternalAxiosRequestConfig } from "axios";
import { currentToken, endSession, freshToken, refreshToken } from "@/lib/session/token";
import { Problem, toProblem } from "./problem";

type Retried = InternalAxiosRequestConfig & { retried?: boolean; open?: boolean };

const http = axios.create({ baseURL: "/api/v1/", timeout: 60_000 });

http.interceptors.request.use(async (config: Retried) => {
  if (config.open) return config;
  const token = await freshToken();
  if (token) config.headers.set("Authorization", `Bearer ${token}`);
  return config;
});

http.interceptors.response.use(undefined, async (error: unknown) => {
  const config = axios.isAxiosError(error) ? (error.config as Retried | undefined) : undefined;
  const status = axios.isAxiosError(error) ? error.response?.status : undefined;
  if (status !== 401 || !config || config.open) throw toProblem(error);
  const sent = config.headers.get("Authorization");
  if (!config.retried) {
    config.retried = true;
    const unused = currentToken();
    const token = unused && sent !== `Bearer ${unused}` ? unused : await refreshToken().catch((cause: unknown) => { throw toProblem(cause); });
    if (token) return http.request(config);
  }
  endSession();
  throw toProblem(error);
});

export type Options = { ifMatch?: string; idempotencyKey?: string; params?: Record<string, string | number | boolean | undefined>; open?: boolean };

function configOf(options: Options = {}): AxiosRequestConfig & { open?: boolean } {
  const headers: Record<string, string> = {};
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  return { headers, params: options.params, open: options.open };
}

async function data<T>(call: Promise<AxiosResponse<T>>): Promise<T> {
  try { return (await call).data; } catch (error) { throw toProblem(error); }
}

/** A value with the tag that an edit of it must present. */
export type Tagged<T> = { value: T; etag: string };
async function tagged<T>(call: Promise<AxiosResponse<T>>): Promise<Tagged<T>> {
  try {
    const response = await call;
    return { value: response.data, etag: String(response.headers.etag ?? "") };
  } catch (error) { throw toProblem(error); }
}

export const newKey = (): string => (typeof crypto.randomUUID === "function"
  ? crypto.randomUUID()
  : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""));

export const api = {
  get: <T>(path: string, options?: Options) => data<T>(http.get(path, configOf(options))),
  getTagged: <T>(path: string) => tagged<T>(http.get(path)),
  /** Every creating POST carries an idempotency key; give one to make a repeat of the same wish harmless. */
  post: <T>(path: string, body: unknown = {}, options: Options = {}) =>
    data<T>(http.post(path, body, configOf({ ...options, idempotencyKey: options.idempotencyKey ?? newKey() }))),
  patch: <T>(path: string, body: unknown, options?: Options) => data<T>(http.patch(path, body, configOf(options))),
  patchTagged: <T>(path: string, body: unknown, ifMatch: string) => tagged<T>(http.patch(path, body, configOf({ ifMatch }))),
  remove: (path: string, options?: Options) => data<void>(http.delete(path, configOf(options))),
};

export { Problem };
