import type { BatchAnswer, Conditions, Problem, Query } from "./query";
import type { Status } from "./status";

/** Why there is no answer, in a sentence for the person who looks at the page. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** 0 where no answer came. */
    readonly status = 0,
    readonly code = "",
    readonly field = "",
    readonly retryAfterS = 0,
    readonly didYouMean = "",
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 5_000;
/** A query may run for as long as the server lets it (query.timeout); past this the server is silent, not slow. */
export const QUERY_TIMEOUT_MS = 40_000;
/** The server's limit for one batch. */
const BATCH_MAX = 32;

export interface User {
  email: string;
  role: "owner" | "admin" | "editor" | "viewer";
}

export interface Site {
  id: string;
  name: string;
  domain: string;
  timezone: string;
}

export interface Session {
  user: User;
  sites: Site[];
  version: string;
}

interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  accept?: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Aborts where it took too long; timeoutMs after the beginning where it is left out. */
  timeout?: AbortSignal;
  fetcher?: typeof fetch | undefined;
}

export const FOREIGN = "The answer is not Footfall's: is something else in front of the server?";

/** Asks the server that the page came from. Gives the parsed body, undefined for 204. Rejects with an ApiError whatever went wrong,
 *  but with an AbortError where the caller's signal ended it. */
export async function call(path: string, options: Call = {}): Promise<unknown> {
  const response = await send(path, options);
  const parsed = await response.json().catch(() => undefined);
  if (response.status !== 204 && parsed === undefined) throw new ApiError(FOREIGN);
  return parsed;
}

/** The same for an answer of any kind. */
export async function send(path: string, options: Call): Promise<Response> {
  const { method = "GET", body, accept = "application/json", signal, timeoutMs = TIMEOUT_MS, fetcher = fetch } = options;
  const timeout = options.timeout ?? AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetcher(path, {
      method,
      headers: body === undefined ? { accept } : { accept, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      cache: "no-store",
      signal: signal ? either(signal, timeout) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(
      timeout.aborted || isTimeout(error) ? `The server did not answer within ${timeoutMs / 1000} s.` : "The server does not answer.",
    );
  }
  if (!response.ok) throw refusal(response, await response.json().catch(() => undefined));
  return response;
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** AbortSignal.any is younger than the browsers that the page is built for. */
function either(first: AbortSignal, second: AbortSignal): AbortSignal {
  const controller = new AbortController();
  for (const signal of [first, second]) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}

/** The error that a parsed body tells, in the server's words where it has some. */
export function refusal(response: Response, parsed: unknown): ApiError {
  const error =
    typeof parsed === "object" && parsed !== null && "error" in parsed
      ? (parsed.error as Partial<Problem> | null)
      : null;
  const message = error?.message || `The server answered ${response.status} ${response.statusText}.`.replace(" .", ".");
  return new ApiError(message, response.status, error?.code ?? "", error?.field ?? "", Number(response.headers.get("retry-after")) || 0, error?.did_you_mean ?? "");
}

export async function fetchStatus(fetcher: typeof fetch = fetch): Promise<Status> {
  const body = await call("/api/v1/status", { fetcher });
  if (!isStatus(body)) throw new ApiError(FOREIGN);
  return body;
}

/** A proxy's page or another release's answer must not pass for ours; the parts are then trusted to their types. */
function isStatus(body: unknown): body is Status {
  if (typeof body !== "object" || body === null) return false;
  const status = body as Partial<Status>;
  return (
    typeof status.version === "string" &&
    Array.isArray(status.minutes) &&
    [status.ready, status.totals, status.loader, status.store, status.log].every((part) => typeof part === "object" && part !== null)
  );
}

/** Answers in the order of the queries; each may be an error of its own. */
export async function askBatch(queries: readonly Query[], signal?: AbortSignal): Promise<BatchAnswer[]> {
  if (queries.length > BATCH_MAX) throw new ApiError(`A view may ask at most ${BATCH_MAX} questions at once.`);
  const body = (await call("/api/v1/query/batch", {
    method: "POST",
    body: { queries },
    timeoutMs: QUERY_TIMEOUT_MS,
    ...(signal ? { signal } : {}),
  })) as {
    answers?: BatchAnswer[];
  };
  if (!Array.isArray(body?.answers) || body.answers.length !== queries.length) throw new ApiError(FOREIGN);
  return body.answers;
}

/** A condition on events that the site calls by a name. */
export interface Goal {
  id: string;
  name: string;
  /** One of these says what meets it; a newer server may have other kinds. */
  page?: string;
  event?: string;
  match?: string;
  filters?: readonly Conditions[];
}

export async function getGoals(siteId: string, signal?: AbortSignal): Promise<Goal[]> {
  const body = (await call(`/api/v1/sites/${encodeURIComponent(siteId)}/goals`, signal ? { signal } : {})) as { goals?: Goal[] };
  if (!Array.isArray(body?.goals)) throw new ApiError(FOREIGN);
  return body.goals;
}

/** The rows of an answer as CSV, with the columns' names first. */
export async function askCsv(query: Query): Promise<Blob> {
  const response = await send("/api/v1/query?format=csv", { method: "POST", body: query, timeoutMs: QUERY_TIMEOUT_MS });
  if (!response.headers.get("content-type")?.startsWith("text/csv")) throw new ApiError(FOREIGN);
  return response.blob().catch(() => Promise.reject(new ApiError("The answer broke off.")));
}

export async function getSession(): Promise<Session> {
  const body = (await call("/api/v1/session")) as Session;
  if (typeof body?.user?.email !== "string" || !Array.isArray(body.sites)) throw new ApiError(FOREIGN);
  return body;
}

export async function setupNeeded(): Promise<boolean> {
  return ((await call("/api/v1/setup")) as { needed?: boolean }).needed === true;
}

export const signIn = (body: { email: string; password: string } | { token: string }) => call("/api/v1/session", { method: "POST", body });
export const signOut = () => call("/api/v1/session", { method: "DELETE", body: {} });
export const setUp = (body: { token: string; email: string; password: string }) => call("/api/v1/setup", { method: "POST", body });
export const changePassword = (body: { current: string; new: string }) => call("/api/v1/account/password", { method: "PUT", body });

export async function addSite(body: { name: string; domain: string; timezone: string }): Promise<Site> {
  return (await call("/api/v1/sites", { method: "POST", body })) as Site;
}
