import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { errorSentence, errorText, estimate, halfText, intervalOf, sketchError, surenessByRow, surenessOf } from "./confidence";
import type { Meta } from "./query";

const counted: Meta = { source: "events", sample_rate: 1, confidence: null, cached: false, took_ms: 1, rows_read: 1, as_of: "2026-11-24T12:34:00Z", sql: null };
const sampled: Meta = { ...counted, sample_rate: 0.1, confidence: { level: 0.95, rows: [], totals: { visitors: [980, 1030], bounce_rate: null } } };

/** Of three rows: the last one has so few visitors that they are counted. */
const sketched: Meta = {
  ...counted,
  source: "mixed",
  confidence: {
    level: 0.95,
    rows: [[[984, 1016], [41, 41]], [[492, 508], null], [[12, 12], ["1.50", "1.50"]]],
    totals: { visitors: [98_412, 101_588], bounce_rate: [41, 41], pageviews: [300_000, 300_000] },
  },
};

test("a total from sketches has its interval, and what is exact beside it is counted", () => {
  deepEqual(intervalOf(sketched, "visitors"), [98_412, 101_588]);
  equal(errorText(100_000, intervalOf(sketched, "visitors")), "\u00b11.6\u00a0%");
  deepEqual(["pageviews", "bounce_rate", "sessions"].map((metric) => intervalOf(sketched, metric)), [null, null, null]);
  deepEqual(["visitors", "pageviews", "sessions"].map((metric) => surenessOf(sketched, metric)), [[98_412, 101_588], undefined, undefined]);
  equal(errorSentence("count", sketched, [98_412, 101_588]), "95\u00a0% sure: 98,412 to 101,588");
  equal(errorSentence("count", sketched, null), "", "nothing is left open");
});

test("of the rows of sketches those are marked that are no counts, and a metric that is one in all of them is none", () => {
  const columns = ["visitors", "bounce_rate"].map((name) => ({ name, type: "", role: "metric" as const }));
  const of = (metric: string) => surenessByRow(sketched, { columns }, metric);
  deepEqual([0, 1, 2, 3].map((row) => of("visitors")?.(row)), [[984, 1016], [492, 508], undefined, undefined]);
  equal(of("bounce_rate"), undefined);
});

test("the error of sketches is that of their widest interval, and there is none of a sample or where all is counted", () => {
  equal(sketchError(sketched).toFixed(4), "0.0160");
  equal(sketchError(sampled), 0);
  equal(sketchError(counted), 0);
  equal(sketchError({ confidence: { level: 0.95, rows: [[[12, 12], null]], totals: { visitors: [12, 12] } } }), 0, "so few are counted");
  equal(sketchError({ confidence: { level: 0.95, rows: [[[0, 0]]], totals: null } }), 0);
});

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

test("a number has half of its interval behind it, an estimate of which nothing is known a sign before it, and what is counted neither", () => {
  equal(estimate("count", 1234, [1178, 1290]), "1,234\u00a0\u00b1\u00a056");
  equal(estimate("percent", 41.2, [40, 42.4]), "41.2\u00a0%\u00a0\u00b1\u00a01.2\u00a0%");
  equal(estimate("seconds", 134, [124, 144]), "2 min 14 s\u00a0\u00b1\u00a010 s");
  equal(estimate("count", 1234, null), "\u2248\u00a01,234");
  equal(estimate("count", 1234, undefined), "1,234");
  for (const interval of [[1, 2] as const, null, undefined]) equal(estimate("count", null, interval), "\u2013");
});

test("an error that would be rounded to none is told as below what can be told", () => {
  equal(halfText("count", ["10", "10.5"]), "\u00b1\u00a0<1");
  equal(halfText("percent", [40, 40.1]), "\u00b1\u00a0<0.1\u00a0%");
  equal(halfText("number", [2, 2.02]), "\u00b1\u00a00.01");
  equal(halfText("count", null), "");
});

test("of each row the interval is found by the metric, whose place is behind the dimensions", () => {
  const columns = [
    { name: "browser", type: "string", role: "dimension" },
    { name: "visitors", type: "integer", role: "metric" },
    { name: "bounce_rate", type: "number", role: "metric" },
  ] as const;
  const confidence = { level: 0.95, rows: [[[1, 2] as const, null], [[3, 4] as const, [5, 6] as const]], totals: { visitors: [7, 8] as const } };
  const answer = { columns: [...columns] };
  const of = (metric: string) => surenessByRow({ sample_rate: 0.1, confidence }, answer, metric);
  deepEqual([of("visitors")?.(0), of("visitors")?.(1), of("bounce_rate")?.(0), of("bounce_rate")?.(1)], [[1, 2], [3, 4], null, [5, 6]]);
  deepEqual([of("visitors")?.(2), of("sessions")?.(0), surenessByRow({ sample_rate: 0.1 }, answer, "visitors")?.(0)], [null, null, null], "not known");
  equal(surenessByRow(counted, answer, "visitors"), undefined);
  equal(surenessByRow({}, answer, "visitors"), undefined, "as of a server that samples nothing");
  deepEqual([surenessOf({ sample_rate: 0.1, confidence }, "visitors"), surenessOf(sampled, "bounce_rate"), surenessOf(counted, "visitors")], [[7, 8], null, undefined]);
});
