// Every failure becomes one shape, so that each panel can say what, why, what next and name the request.
import axios from "axios";

export type FieldError = { field: string; code: string; message: string };

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null,
    readonly errors: FieldError[],
    readonly body: Record<string, unknown>,
  ) {
    super(detail || title);
    this.name = "Problem";
  }

  /** The message for one field, or for a path below it. */
  field(name: string): string | undefined {
    return this.errors.find((e) => e.field === name || e.field.startsWith(`${name}.`))?.message;
  }

  get offline(): boolean {
    return this.status === 0;
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!axios.isAxiosError(error) || !error.response) {
    if (axios.isAxiosError(error) || error instanceof TypeError) {
      return new Problem(0, "offline", "No connection", "The server did not answer. Check that it is running and that you are connected.", null, [], {});
    }
    return new Problem(-1, "unexpected", "Something broke on this page", error instanceof Error ? error.message : String(error), null, [], {});
  }
  const { status, data, headers } = error.response;
  const body: Record<string, unknown> = data && typeof data === "object" ? (data as Record<string, unknown>) : {};
  const detail = text(body.detail) || (status === 503 ? "The server is busy or restarting. Try again in a moment." : `The server answered ${status}.`);
  const errors = Array.isArray(body.errors) ? (body.errors as FieldError[]) : [];
  const requestId = text(body.request_id) || text(headers["x-request-id"]) || null;
  return new Problem(status, text(body.code) || `http_${status}`, text(body.title) || "Request failed", detail, requestId, errors, body);
}
