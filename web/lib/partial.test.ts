import { equal } from "node:assert/strict";
import test from "node:test";

import { partial } from "./partial";
import type { Meta } from "./query";

const whole: Meta = { source: "rollup", sample_rate: 1, confidence: null, cached: false, took_ms: 1, rows_read: 1, as_of: "2026-11-24T12:34:00Z", sql: null };

test("an answer that is exact, whole and fresh has no note", () => equal(partial(whole), ""));

test("what an answer is not is said, each in a part of its own", () => {
  equal(partial({ ...whole, sample_rate: 0.0625 }), "Estimated from 6.3\u00a0% of the visitors");
  equal(partial({ ...whole, events_from: "2026-09-28" }), "Events before 28 Sept 2026 are no longer kept");
  equal(partial({ ...whole, days_missing: 1 }), "1 day whose events are gone is not counted");
  equal(partial({ ...whole, days_missing: 3, cached: true }), "3 days whose events are gone are not counted \u00b7 As of 12:34 UTC");
});
