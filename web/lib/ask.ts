import { ApiError, FOREIGN, QUERY_TIMEOUT_MS, refusal, send } from "./api";
import { serverEvents } from "./eventstream";
import { isProgress, type OnProgress } from "./progress";
import type { Meta } from "./query";

/** An older server knows no streams, and something between may take them away: a plain answer will do. */
const ACCEPT = "text/event-stream, application/json;q=0.9";

const BROKEN_OFF = "The answer broke off.";

interface Asking {
  signal?: AbortSignal | undefined;
  /** Told how far the server is, where it says so. */
  onProgress?: OnProgress | undefined;
  fetcher?: typeof fetch;
  silenceMs?: number;
}

/** A question of its own kind: whose answer has what `isAnswer` looks for, and meta. It may take as long as the server lets it and says that
 *  it is at it; past `silenceMs` without a word it is given up. Rejects as call() does. */
export async function askOne<A extends { meta: Meta }>(
  path: string,
  body: object,
  isAnswer: (answer: A) => boolean,
  { signal, onProgress = () => undefined, fetcher, silenceMs = QUERY_TIMEOUT_MS }: Asking = {},
): Promise<A> {
  const silence = silenceOf(silenceMs);
  try {
    const response = await send(path, { method: "POST", body, accept: ACCEPT, signal, timeoutMs: silenceMs, timeout: silence.signal, fetcher });
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") && response.body;
    const answer = (isStream
      ? await streamed(response, response.body, silence.heard, onProgress, signal)
      : await response.json().catch(() => undefined)) as A | null | undefined;
    if (typeof answer !== "object" || answer === null || typeof answer.meta !== "object" || !isAnswer(answer)) throw new ApiError(FOREIGN);
    return answer;
  } finally {
    silence.end();
  }
}

/** What the event "answer" of a stream has. Rejects with what "error" says. */
async function streamed(response: Response, body: ReadableStream<Uint8Array>, heard: () => void, onProgress: OnProgress, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    for await (const { type, data } of serverEvents(body, heard)) {
      const told = parsed(data);
      if (type === "answer") return told;
      if (type === "error") throw refusal(response, told);
      if (type === "progress" && isProgress(told)) onProgress(told);
    }
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
  }
  throw new ApiError(BROKEN_OFF);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Aborts where nothing was heard for so long. */
function silenceOf(ms: number): { signal: AbortSignal; heard: () => void; end: () => void } {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  const end = () => clearTimeout(timer);
  const heard = () => {
    end();
    timer = setTimeout(() => controller.abort(), ms);
  };
  heard();
  return { signal: controller.signal, heard, end };
}
