import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { type Annotation, annotationsIn, marksOf } from "./annotations";
import { bucketsOf, daysIn } from "./buckets";

const note = (date: string, time: string | null = null): Annotation => ({ id: `${date} ${time}`, date, time, text: "x", created_by: null });
const berlin = (from: string, to: string) => ({ from, to, timezone: "Europe/Berlin" });
const AS_OF = "2026-11-24T12:34:00Z";
const filled = (lists: Annotation[][]) => lists.flatMap((list, index) => (list.length === 0 ? [] : [[index, ...list.map(({ id }) => id)]]));

test("a note stands at its day, its week or its month, and one of another time nowhere", () => {
  const range = berlin("2026-11-11T00:00:00+01:00", "2026-11-25T00:00:00+01:00");
  const all = [note("2026-11-10"), note("2026-11-11"), note("2026-11-17", "09:30"), note("2026-11-17", "18:00"), note("2026-11-24"), note("2026-12-01")];
  const [first, second] = ["2026-11-17 09:30", "2026-11-17 18:00"];
  deepEqual(filled(annotationsIn(bucketsOf("day", range, AS_OF), "day", all, range.timezone)), [
    [0, "2026-11-11 null"],
    [6, first, second],
    [13, "2026-11-24 null"],
  ]);
  deepEqual(filled(annotationsIn(bucketsOf("week", range, AS_OF), "week", all, range.timezone)), [
    [0, "2026-11-10 null", "2026-11-11 null"],
    [1, first, second],
    [2, "2026-11-24 null"],
  ]);
  equal(annotationsIn(bucketsOf("month", range, AS_OF), "month", all, range.timezone)[0]?.length, 5);
  deepEqual(annotationsIn([], "day", all, range.timezone), []);
});

test("by the hour it stands at the site's hour, and what is of the whole day at the first one", () => {
  const range = berlin("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
  // The clock shows 02:00 twice on this day.
  const buckets = bucketsOf("hour", range, AS_OF);
  equal(buckets.length, 25);
  const lists = annotationsIn(buckets, "hour", [note("2026-10-25"), note("2026-10-25", "02:30"), note("2026-10-25", "09:59"), note("2026-10-24", "09:59")], range.timezone);
  deepEqual(filled(lists), [
    [0, "2026-10-25 null"],
    [2, "2026-10-25 02:30"],
    [10, "2026-10-25 09:59"],
  ]);
  const at = (index: number) => buckets[index] as (typeof buckets)[number];
  deepEqual(daysIn("hour", { from: at(0), to: at(24) }, range.timezone), { from: "2026-10-25", to: "2026-10-25" });
});

test("marks that would touch are one, from the first bucket to the last", () => {
  const lists = [[note("a")], [], [note("b"), note("c")], [note("d")], [], [], [note("e")]];
  deepEqual(
    marksOf(lists, (bucket) => bucket * 10, 25).map(({ from, to, annotations }) => [from, to, annotations.length]),
    [
      [0, 2, 3],
      [3, 3, 1],
      [6, 6, 1],
    ],
  );
  equal(marksOf(lists, (bucket) => bucket * 100, 25).length, 4);
});

test("the days of some buckets are those of the last one too", () => {
  const range = berlin("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00");
  for (const [granularity, from, to] of [
    ["day", "2026-11-01", "2026-11-30"],
    ["week", "2026-10-26", "2026-12-06"],
    ["month", "2026-11-01", "2026-11-30"],
  ] as const) {
    const buckets = bucketsOf(granularity, range, AS_OF);
    const [first, last] = [buckets[0], buckets[buckets.length - 1]];
    deepEqual(first && last && daysIn(granularity, { from: first, to: last }, range.timezone), { from, to });
  }
});
