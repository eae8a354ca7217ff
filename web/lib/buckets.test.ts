import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { bucketsOf, valuesOf } from "./buckets";

const berlin = (from: string, to: string) => ({ from, to, timezone: "Europe/Berlin" });

test("every day of the range is a bucket, and the last one runs", () => {
  const buckets = bucketsOf("day", berlin("2026-11-22T00:00:00+01:00", "2026-11-26T00:00:00+01:00"), "2026-11-24T12:00:00Z");
  deepEqual(
    buckets.map(({ key, phase }) => `${key} ${phase}`),
    ["2026-11-22 over", "2026-11-23 over", "2026-11-24 running", "2026-11-25 future"],
  );
});

test("which day runs is the site's matter", () => {
  const range = berlin("2026-11-24T00:00:00+01:00", "2026-11-26T00:00:00+01:00");
  deepEqual(
    bucketsOf("day", range, "2026-11-24T23:30:00Z").map(({ phase }) => phase),
    ["over", "running"],
  );
});

test("the days on which the clock changes have 25 and 23 hours", () => {
  const autumn = bucketsOf("hour", berlin("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"), "2026-11-01T00:00:00Z");
  equal(autumn.length, 25);
  deepEqual(
    autumn.slice(1, 5).map(({ label }) => label),
    ["01:00", "02:00", "02:00", "03:00"],
  );
  const spring = bucketsOf("hour", berlin("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"), "2026-11-01T00:00:00Z");
  equal(spring.length, 23);
  deepEqual(
    spring.slice(1, 3).map(({ label }) => label),
    ["01:00", "03:00"],
  );
});

test("over several days the axis names days, not hours", () => {
  const labels = bucketsOf("hour", berlin("2026-11-22T00:00:00+01:00", "2026-11-24T00:00:00+01:00"), "2026-11-24T12:00:00Z").map(
    ({ label }) => label,
  );
  deepEqual(labels.filter(Boolean), ["22 Nov", "23 Nov"]);
  equal(labels.indexOf("23 Nov"), 24);
});

test("weeks begin on the Monday before the range, months on their first day", () => {
  const range = berlin("2026-10-28T00:00:00+01:00", "2026-11-25T00:00:00+01:00");
  deepEqual(
    bucketsOf("week", range, "2026-12-24T00:00:00Z").map(({ key }) => key),
    ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23"],
  );
  deepEqual(
    bucketsOf("month", range, "2026-11-24T00:00:00Z").map(({ key, phase }) => `${key} ${phase}`),
    ["2026-10-01 over", "2026-11-01 running"],
  );
});

test("a bucket without a row is 0 for a count, a gap for a ratio, and nothing before it begins", () => {
  const buckets = bucketsOf("day", berlin("2026-11-22T00:00:00+01:00", "2026-11-26T00:00:00+01:00"), "2026-11-24T12:00:00Z");
  const rows = [
    ["2026-11-22", 5, 40.5],
    ["2026-11-24", 2, null],
  ];
  deepEqual(valuesOf(buckets, rows, 1, "zero"), [5, 0, 2, null]);
  deepEqual(valuesOf(buckets, rows, 2, "gap"), [40.5, null, null, null]);
});

test("a bucket of which only a part is meant says which", () => {
  const parts = (granularity: "hour" | "day" | "week", from: string, to: string, asOf = "2026-12-24T12:00:00Z") =>
    bucketsOf(granularity, berlin(from, to), asOf)
      .filter(({ part }) => part)
      .map(({ key, part }) => `${key.slice(0, 13)} ${part}`);
  deepEqual(parts("day", "2026-11-22T00:00:00+01:00", "2026-11-23T13:34:56.79+01:00"), ["2026-11-23 until 13:34"]);
  deepEqual(parts("hour", "2026-11-23T00:00:00+01:00", "2026-11-23T13:34:56.79+01:00"), ["2026-11-23T12 until 13:34"]);
  deepEqual(parts("week", "2026-10-28T00:00:00+01:00", "2026-11-13T00:00:00+01:00"), ["2026-10-26 from 28 Oct", "2026-11-09 until 12 Nov"]);
  deepEqual(parts("week", "2026-10-26T00:00:00+01:00", "2026-11-12T13:34:00+01:00"), ["2026-11-09 until 12 Nov, 13:34"]);
  deepEqual(parts("day", "2026-11-22T00:00:00+01:00", "2026-11-25T00:00:00+01:00", "2026-11-24T12:00:00Z"), ["2026-11-24 so far"]);
  deepEqual(parts("day", "2026-11-22T00:00:00+01:00", "2026-11-25T00:00:00+01:00"), []);
});

test("an hour is found whatever offset it is written with", () => {
  const buckets = bucketsOf("hour", berlin("2026-11-24T00:00:00+01:00", "2026-11-24T02:00:00+01:00"), "2026-11-24T12:00:00Z");
  deepEqual(valuesOf(buckets, [["2026-11-24T01:00:00+01:00", 7]], 1, "zero"), [0, 7]);
});
