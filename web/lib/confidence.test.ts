import { equal } from "node:assert/strict";
import test from "node:test";

import { errorSentence, errorText, intervalOf } from "./confidence";
import type { Meta } from "./query";

const counted: Meta = { source: "events", sample_rate: 1, confidence: null, cached: false, took_ms: 1, rows_read: 1, as_of: "2026-11-24T12:34:00Z", sql: null };
const sampled: Meta = { ...counted, sample_rate: 0.1, confidence: { level: 0.95, rows: [], totals: { visitors: [980, 1030], bounce_rate: null } } };

test("a sampled total has its interval, a counted one and one of too few visitors none", () => {
  equal(intervalOf(sampled, "visitors")?.[1], 1030);
  equal(intervalOf(sampled, "bounce_rate"), null);
  equal(intervalOf(counted, "visitors"), null);
  equal(intervalOf(undefined, "visitors"), null);
});

test("an error is half of the interval, in percent of the number", () => {
  equal(errorText(1000, [980, 1030]), "±2.5\u00a0%");
  equal(errorText(1000, [999, 1000]), "±0.05\u00a0%");
  equal(errorText(1000, null), "");
  equal(errorText(0, [0, 1]), "", "nothing has no share of itself");
  equal(errorText(null, [0, 1]), "");
});

test("whoever looks closer reads both ends", () => {
  equal(errorSentence("count", sampled, [980, 1030]), "95\u00a0% sure: 980 to 1,030");
  equal(errorSentence("percent", sampled, null), "too few visitors in the sample to say how far off");
  equal(errorSentence("count", counted, null), "");
});
