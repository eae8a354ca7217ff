import { equal, rejects } from "node:assert/strict";
import test from "node:test";

import { fetchStatus } from "./api";

const whole = {
  version: "1",
  started_at: "",
  now: "",
  ready: { ok: true, not_ready: [] },
  minutes: [],
  totals: { accepted: 0, duplicates: 0, rejected: {} },
  loader: { lag_seconds: 0, stored: 0 },
  store: { state: "running", engine_version: "1" },
  log: { end_offset: 0, bytes: 0 },
  archive: { on: false, next_offset: 0, bytes: 0, lag_seconds: 0, problem: "" },
};

function answering(body: string, init?: ResponseInit): typeof fetch {
  return async () => new Response(body, init);
}

test("a whole answer is given on", async () => {
  equal((await fetchStatus(answering(JSON.stringify(whole)))).version, "1");
});

test("each way to fail has its sentence", async () => {
  await rejects(fetchStatus(() => Promise.reject(new TypeError("failed"))), /does not answer/);
  await rejects(fetchStatus(() => Promise.reject(new DOMException("", "TimeoutError"))), /within 5 s/);
  await rejects(fetchStatus(answering("", { status: 503, statusText: "Service Unavailable" })), /503 Service Unavailable/);
  await rejects(fetchStatus(answering("<p>hello")), /not Footfall's/);
  await rejects(fetchStatus(answering(JSON.stringify({ ...whole, totals: null }))), /not Footfall's/);
});
