import { deepEqual, equal, rejects } from "node:assert/strict";
import test from "node:test";

import { ApiError } from "./api";
import { askOne } from "./ask";
import type { Progress } from "./progress";
import type { Meta } from "./query";

interface Steps {
  steps: number[];
  meta: Meta;
}

const ANSWER = { steps: [3, 1], meta: {} };
const PROGRESS = { rows_read: 5, rows_total: null, elapsed_ms: 250 };
const STREAM = { headers: { "content-type": "text/event-stream" } };
const event = (type: string, told: unknown) => `event: ${type}\ndata: ${JSON.stringify(told)}\n\n`;

/** Asks a server that answers so; gives the answer, what was told of its progress, and what was sent. */
async function asked(response: Response, signal?: AbortSignal) {
  const told: Progress[] = [];
  let sent: Headers | undefined;
  const fetcher: typeof fetch = async (_, init) => {
    sent = new Headers(init?.headers);
    return response;
  };
  const isAnswer = ({ steps }: Steps) => Array.isArray(steps);
  const answer = await askOne<Steps>("/api/v1/funnel", {}, isAnswer, { signal, fetcher, onProgress: (progress) => told.push(progress) });
  return { answer, told, sent };
}

test("the answer of a stream is given, and its progress told on the way", async () => {
  const body = [event("progress", PROGRESS), event("progress", { ...PROGRESS, rows_read: 7 }), event("news", 1), event("answer", ANSWER), event("progress", PROGRESS)];
  const { answer, told, sent } = await asked(new Response(body.join(""), STREAM));
  deepEqual(answer, ANSWER);
  deepEqual(told.map(({ rows_read }) => rows_read), [5, 7], "after the answer nothing is read");
  equal(sent?.get("accept"), "text/event-stream, application/json;q=0.9");
});

test("a server that knows no streams answers as it is", async () => {
  const { answer, told } = await asked(new Response(JSON.stringify(ANSWER), { headers: { "content-type": "application/json" } }));
  deepEqual([answer, told], [ANSWER, []]);
});

test("an error of a stream is that of an answer: its code, its place and what was meant", async () => {
  const error = { code: "query_timeout", field: "steps[1]", message: "it took too long", did_you_mean: "signup" };
  await rejects(asked(new Response(event("progress", PROGRESS) + event("error", { error }), STREAM)), (thrown: ApiError) => {
    deepEqual([thrown.code, thrown.field, thrown.message, thrown.didYouMean], [error.code, error.field, error.message, error.did_you_mean]);
    return thrown instanceof ApiError;
  });
  const refused = new Response(JSON.stringify({ error: { code: "unauthorized", message: "sign in first" } }), { status: 401 });
  await rejects(asked(refused), (thrown: ApiError) => thrown.status === 401 && thrown.code === "unauthorized");
});

test("a stream that ends without an answer, and one that is none, say so", async () => {
  await rejects(asked(new Response(event("progress", PROGRESS) + "event: answer\ndata: {", STREAM)), /^Error: The answer broke off/);
  await rejects(asked(new Response("", STREAM)), /broke off/);
  await rejects(asked(new Response(event("answer", { steps: 1, meta: {} }), STREAM)), /not Footfall's/);
  await rejects(asked(new Response("event: answer\ndata: <p>\n\n", STREAM)), /not Footfall's/);
  await rejects(asked(new Response("<p>hello", { headers: { "content-type": "text/html" } })), /not Footfall's/);
});

test("what is no progress is passed over", async () => {
  const { told } = await asked(new Response(event("progress", { rows_read: "many" }) + event("progress", null) + event("answer", ANSWER), STREAM));
  deepEqual(told, []);
});

/** A server whose stream stays open: it gives the pieces, and then says nothing; the signal of the request ends it, as in a browser. */
const silent =
  (...pieces: string[]): typeof fetch =>
  async (_, init) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
        init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
      },
    });
    return new Response(body, STREAM);
  };

test("a stream that falls silent is given up", async () => {
  const asking = askOne<Steps>("/", {}, () => true, { fetcher: silent(event("progress", PROGRESS)), silenceMs: 1 });
  await rejects(asking, /broke off/);
});

test("whoever asks ends it, and is told of that and of no error", async () => {
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const asking = askOne<Steps>("/", {}, () => true, { signal: controller.signal, fetcher: silent(event("progress", PROGRESS)), onProgress });
  await rejects(asking, (thrown: Error) => thrown.name === "AbortError");
});
