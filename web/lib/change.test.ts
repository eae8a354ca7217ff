import { equal } from "node:assert/strict";
import test from "node:test";

import { changeOf } from "./change";
import { brief, metricOf, whole } from "./metrics";

const told = (...sides: Parameters<typeof changeOf>) => {
  const change = changeOf(...sides);
  return change && `${change.direction} ${change.text} ${change.verdict}`.replaceAll("\u00a0", " ");
};

test("counts change by percent, percentages by points, and less bouncing is good", () => {
  equal(told(metricOf("visitors"), 150, 100), "up 50 % good");
  equal(told(metricOf("visitors"), 50, 100), "down 50 % bad");
  equal(told(metricOf("bounce_rate"), 45.04, 42), "up 3 pp bad");
  equal(told(metricOf("bounce_rate"), 40, 42.5), "down 2.5 pp good");
  equal(told(metricOf("session_duration"), 100.2, 100), "same 0 % neutral");
});

test("no change is told where there is nothing to compare with", () => {
  for (const [now, before] of [
    [null, 5],
    [5, null],
    [undefined, 5],
    [5, undefined],
  ] as const)
    equal(told(metricOf("visitors"), now, before), undefined);
});

test("from nothing there is no percentage", () => {
  equal(told(metricOf("visitors"), 5, 0), "new new neutral");
  equal(told(metricOf("visitors"), 0, 0), "same 0 % neutral");
  equal(told(metricOf("bounce_rate"), 50, 0), "up 50 pp bad");
});

test("numbers are exact in words and brief in headlines", () => {
  equal(whole("count", 1_234_567), "1,234,567");
  equal(brief("count", 1_234_567), "1.2M");
  equal(brief("count", 9_999), "9,999");
  equal(brief("seconds", 134.4), "2m 14s");
  equal(brief("seconds", 4_000), "1h 6m");
  equal(whole("percent", 41.26), "41.3\u00a0%");
  equal(whole("seconds", 134.4), "2 min 14 s");
  equal(whole("number", 2.345), "2.35");
  equal(whole("number", null), "\u2013");
});
