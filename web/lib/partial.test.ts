import { equal } from "node:assert/strict";
import test from "node:test";

import { explained, partial } from "./partial";
import type { Meta } from "./query";

const whole: Meta = { source: "rollup", sample_rate: 1, confidence: null, cached: false, took_ms: 1, rows_read: 1, as_of: "2026-11-24T12:34:00Z", sql: null };

test("an answer that is exact, whole and fresh has no note", () => equal(partial(whole), ""));

test("what an answer is not is said, each in a part of its own", () => {
  equal(partial({ ...whole, sample_rate: 0.0625 }), "Estimated from 6.3\u00a0% of the visitors");
  const confidence = { level: 0.95, rows: [], totals: { visitors: [984, 1016] as const, pageviews: [5, 5] as const } };
  equal(partial({ ...whole, confidence }), "Visitors from sketches, \u00b11.6\u00a0%");
  equal(explained({ confidence }), "Visitors of closed days are put together from sketches: within 1.6\u00a0% in 19 of 20 cases");
  equal(explained({ sample_rate: 0.1, confidence }), "Estimated from 10\u00a0% of the visitors");
  equal(explained(whole), "");
  equal(partial({ ...whole, confidence: { ...confidence, totals: { visitors: [12, 12] } } }), "", "so few are counted");
  equal(partial({ ...whole, events_from: "2026-09-28" }), "Events before 28 Sept 2026 are no longer kept");
  equal(partial({ ...whole, days_missing: 1 }), "1 day whose events are gone is not counted");
  equal(partial({ ...whole, days_missing: 3, cached: true }), "3 days whose events are gone are not counted \u00b7 As of 12:34 UTC");
});
