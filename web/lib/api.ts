import type { Status } from "./status";

/** Why there is no answer, in a sentence for the person who looks at the page. */
export class ApiError extends Error {}

const TIMEOUT_MS = 5_000;

/** Asks the server that the page came from. Rejects with an ApiError, whatever went wrong. */
export async function fetchStatus(fetcher: typeof fetch = fetch): Promise<Status> {
  let response: Response;
  try {
    response = await fetcher("/api/v1/status", {
      headers: { accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(late ? `The server did not answer within ${TIMEOUT_MS / 1000} s.` : "The server does not answer.");
  }
  if (!response.ok) throw new ApiError(`The server answered ${response.status} ${response.statusText}.`.replace(" .", "."));
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = undefined;
  }
  if (!isStatus(body)) throw new ApiError("The answer is not Footfall's: is something else in front of the server?");
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
