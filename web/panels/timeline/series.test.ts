import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { metricOf } from "../../lib/metrics";
import type { Answer, Cell } from "../../lib/query";
import { finding, seriesOf, timelineQuery } from "./series";

function answerOf(dimension: string, rows: Cell[][], range: [string, string], rest: Partial<Answer> = {}): Answer {
  return {
    columns: [
      { name: dimension, type: "date", role: "dimension" },
      { name: "visitors", type: "integer", role: "metric" },
      { name: "bounce_rate", type: "number", role: "metric" },
    ],
    rows,
    totals: { visitors: 120, bounce_rate: 41.2 },
    comparison: null,
    meta: {
      source: "events",
      sample_rate: 1,
      confidence: null,
      cached: false,
      took_ms: 1,
      rows_read: 1,
      as_of: "2026-11-24T12:00:00Z",
      range: { from: range[0], to: range[1], timezone: "UTC" },
      sql: null,
    },
    ...rest,
  };
}
const days: [string, string] = ["2026-11-22T00:00:00+00:00", "2026-11-25T00:00:00+00:00"];

test("the other period is laid under this one by the number of the bucket", () => {
  const comparison = { from: "2026-11-19T00:00:00+00:00", to: "2026-11-22T00:00:00+00:00", rows: [["2026-11-20", 7, 50]], totals: { visitors: 7 } };
  const series = seriesOf(
    answerOf(
      "date",
      [
        ["2026-11-22", 80, 40],
        ["2026-11-24", 40, 42],
      ],
      days,
      { comparison },
    ),
    metricOf("visitors"),
    false,
  );
  deepEqual(series.values, [80, 0, 40]);
  deepEqual(series.other?.values, [0, 7, 0]);
  deepEqual(
    series.other?.buckets.map(({ key }) => key),
    ["2026-11-19", "2026-11-20", "2026-11-21"],
  );
});

test("each point of an estimate has its interval, of the other period its own, and where the sample has nothing nobody knows", () => {
  const confidence = { level: 0.95, rows: [[[70, 90] as const, null], [[30, 50] as const, [41, 43] as const]], totals: null };
  const others = { level: 0.95, rows: [[[5, 9] as const, null]], totals: null };
  const comparison = {
    from: "2026-11-19T00:00:00+00:00",
    to: "2026-11-22T00:00:00+00:00",
    rows: [["2026-11-20", 7, 50]] as Cell[][],
    totals: null,
    sample_rate: 0.1,
    confidence: others,
  };
  const counted = answerOf("date", [["2026-11-22", 80, 40], ["2026-11-24", 40, 42]], days, { comparison });
  const answer = { ...counted, meta: { ...counted.meta, sample_rate: 0.1, confidence } };
  const visitors = seriesOf(answer, metricOf("visitors"), false);
  deepEqual([visitors.intervals, visitors.other?.intervals], [[[70, 90], null, [30, 50]], [null, [5, 9], null]]);
  deepEqual(seriesOf(answer, metricOf("bounce_rate"), false).intervals, [null, null, [41, 43]]);
  deepEqual([seriesOf(counted, metricOf("visitors"), false).intervals, seriesOf(counted, metricOf("visitors"), false).other?.intervals], [undefined, [null, [5, 9], null]], "each period for itself");
  equal(finding(answer, metricOf("visitors"), visitors, "previous period").slice(0, 18), "About 120 visitors");
  equal(finding(answer, metricOf("bounce_rate"), seriesOf(answer, metricOf("bounce_rate"), false), "x").slice(0, 24), "Bounce rate about 41.2\u00a0%");
});

test("of sketches each point has its interval but where it is exact, and where there is no row nobody came", () => {
  const confidence = { level: 0.95, rows: [[[984, 1016] as const, [40, 40] as const], [[42, 42] as const, [41, 41] as const]], totals: { visitors: [1024, 1060] as const, bounce_rate: [41, 41] as const } };
  const counted = answerOf("date", [["2026-11-22", 1000, 40], ["2026-11-24", 42, 41]], days, {});
  const answer = { ...counted, totals: { visitors: 1042, bounce_rate: 41 }, meta: { ...counted.meta, source: "mixed", confidence } };
  const visitors = seriesOf(answer, metricOf("visitors"), false);
  deepEqual([visitors.values, visitors.intervals], [[1000, 0, 42], [[984, 1016], undefined, undefined]]);
  equal(seriesOf(answer, metricOf("bounce_rate"), false).intervals, undefined, "no band of what is exact");
  equal(finding(answer, metricOf("visitors"), visitors, "x").slice(0, 20), "About 1,042 visitors");
  equal(finding(answer, metricOf("bounce_rate"), seriesOf(answer, metricOf("bounce_rate"), false), "x").slice(0, 17), "Bounce rate 41\u00a0%;");
});

test("a ratio of nothing is a gap", () => {
  deepEqual(
    seriesOf(
      answerOf(
        "date",
        [
          ["2026-11-22", 80, 40],
          ["2026-11-24", 40, 42],
        ],
        days,
      ),
      metricOf("bounce_rate"),
      false,
    ).values,
    [40, null, 42],
  );
});

test("all time begins with the first event, not with the epoch", () => {
  const all: [string, string] = ["1970-01-01T00:00:00+00:00", "2026-11-25T00:00:00+00:00"];
  deepEqual(
    seriesOf(answerOf("month", [["2026-09-01", 80, 40]], all), metricOf("visitors"), true).buckets.map(({ key }) => key),
    ["2026-09-01", "2026-10-01", "2026-11-01"],
  );
  equal(seriesOf(answerOf("month", [], all), metricOf("visitors"), true).buckets.length, 1);
});

test("the finding is a sentence", () => {
  const comparison = { from: "2026-11-19T00:00:00+00:00", to: "2026-11-21T12:00:00+00:00", rows: [], totals: { visitors: 100, bounce_rate: 44.2 } };
  const answer = answerOf(
    "date",
    [
      ["2026-11-22", 80, 40],
      ["2026-11-24", 40, 42],
    ],
    days,
    { comparison },
  );
  const say = (name: "visitors" | "bounce_rate") =>
    finding(answer, metricOf(name), seriesOf(answer, metricOf(name), false), "previous period").replaceAll("\u00a0", " ");
  equal(say("visitors"), "120 visitors, 20 % more than in the previous period; most on Sun 22 Nov, 80.");
  equal(say("bounce_rate"), "Bounce rate 41.2 %, 3 pp less than in the previous period; highest on Tue 24 Nov, 42 %.");
  const none = answerOf("date", [], days, { totals: { visitors: 0, bounce_rate: null } });
  equal(finding(none, metricOf("visitors"), seriesOf(none, metricOf("visitors"), false), "x"), "No visitors in this period.");
  equal(finding(none, metricOf("bounce_rate"), seriesOf(none, metricOf("bounce_rate"), false), "x"), "No bounce rate in this period.");
});

test("the other period may end within a bucket, which then says so", () => {
  const comparison = { from: "2026-11-19T00:00:00+00:00", to: "2026-11-21T12:00:00+00:00", rows: [], totals: { visitors: 400 } };
  const series = seriesOf(answerOf("date", [], days, { comparison }), metricOf("visitors"), false);
  deepEqual(
    series.other?.buckets.map(({ key, part }) => `${key} ${part}`),
    ["2026-11-19 ", "2026-11-20 ", "2026-11-21 until 12:00"],
  );
  deepEqual(series.other?.values, [0, 0, 0]);
});

test("one query has every metric of the chart, by the dimension of its buckets", () => {
  const query = timelineQuery({ website_id: "s", metrics: [], time_range: "30d" }, "day", "previous_year");
  deepEqual([query.dimensions, query.compare, query.order_by, query.metrics.length], [["date"], "previous_year", [["date", "asc"]], 6]);
});
