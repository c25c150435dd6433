// The one way to the server: adds the token, renews it once on 401, asks for a proof of who one is where the server wants
// one and then goes on, and turns every failure into a Problem.
import axios, { type AxiosRequestConfig, type AxiosResponse, type InternalAxiosRequestConfig } from "axios";
import { noteFailedRequest } from "@/lib/reports/report";
import { CLIENT_HEADER, currentToken, endSession, freshToken, refreshToken } from "@/lib/session/token";
import { Problem, toProblem } from "./problem";
import { notProved, proveIdentity, tellEnrolment } from "./proof";

type Retried = InternalAxiosRequestConfig & { retried?: boolean; open?: boolean; proved?: boolean };

const http = axios.create({ baseURL: "/api/v1/", timeout: 60_000, headers: CLIENT_HEADER });
/** A 401 that is about an answer, not about the sign-in that the request came with. */
const ABOUT_AN_ANSWER = ["second_factor_required", "wrong_second_factor", "challenge_over", "wrong_credentials"];

http.interceptors.request.use(async (config: Retried) => {
  if (config.open) return config;
  const token = await freshToken();
  if (token) config.headers.set("Authorization", `Bearer ${token}`);
  return config;
});

http.interceptors.response.use(undefined, async (error: unknown) => {
  const config = axios.isAxiosError(error) ? (error.config as Retried | undefined) : undefined;
  await readFailedDownload(error);
  const problem = toProblem(error);
  noteFailedRequest(problem.requestId);
  const { status, code } = problem;
  if (!config || config.open) throw problem;
  if (code === "reauthentication_required" && !config.proved) {
    if (!(await proveIdentity())) throw notProved();
    config.proved = true;
    return http.request(config);
  }
  if (code === "second_factor_enrolment_required") tellEnrolment();
  if (status !== 401 || ABOUT_AN_ANSWER.includes(code)) throw problem;
  const sent = config.headers.get("Authorization");
  if (!config.retried) {
    config.retried = true;
    const unused = currentToken();
    const token = unused && sent !== `Bearer ${unused}` ? unused : await refreshToken().catch((cause: unknown) => { throw toProblem(cause); });
    if (token) return http.request(config);
  }
  endSession();
  throw problem;
});

/** A refused download comes as a file too; what it says is read before anything is decided on it. */
async function readFailedDownload(error: unknown): Promise<void> {
  if (!axios.isAxiosError(error) || !error.response || !(error.response.data instanceof Blob)) return;
  try { error.response.data = JSON.parse(await error.response.data.text()); } catch { error.response.data = null; }
}

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
  put: <T>(path: string, body: unknown, options?: Options) => data<T>(http.put(path, body, configOf(options))),
  patch: <T>(path: string, body: unknown, options?: Options) => data<T>(http.patch(path, body, configOf(options))),
  patchTagged: <T>(path: string, body: unknown, ifMatch: string) => tagged<T>(http.patch(path, body, configOf({ ifMatch }))),
  remove: <T = void>(path: string, options?: Options) => data<T>(http.delete(path, configOf(options))),
  /** A file as the server names it. */
  download: async (method: "GET" | "POST", path: string, params?: Options["params"]): Promise<{ blob: Blob; name: string }> => {
    try {
      const { data: blob, headers } = await http.request<Blob>({ method, url: path, params, data: method === "POST" ? {} : undefined, responseType: "blob", timeout: 0 });
      return { blob, name: /filename="([^"]+)"/.exec(String(headers["content-disposition"] ?? ""))?.[1] ?? "download" };
    } catch (error) { throw toProblem(error); }
  },
};

export { Problem };
