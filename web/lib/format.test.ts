import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { bytes, clock, compact, count, duration, narrow, plural, sentence } from "./format";

test("durations show their two largest units", () => {
  for (const [seconds, text] of [
    [0, "0 s"],
    [0.42, "0.4 s"],
    [5, "5 s"],
    [9.96, "9 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [61, "1 min 1 s"],
    [3_600, "1 h"],
    [3_661, "1 h 1 min"],
    [93_784, "1 d 2 h"],
    [86_400 * 400, "400 d"],
  ] as const)
    equal(duration(seconds), text);
});

test("sizes are in binary units with three digits", () => {
  deepEqual([0, 1023, 1536, 268_435_456, 2 ** 45].map(bytes), ["0 B", "1,020 B", "1.5 KiB", "256 MiB", "32 TiB"]);
});

test("a column is short as a whole or not at all", () => {
  deepEqual([narrow(4_300_000, 4_300_000), narrow(898_073, 4_300_000), narrow(12, 4_300_000)], ["4.3M", "898.1K", "12"]);
  equal(narrow(898_073, 898_073), "898,073");
});

test("counts are grouped, and compact on an axis", () => {
  deepEqual([count(1_234_567), compact(12_500), plural(1, "event"), plural(0, "event")], ["1,234,567", "12.5K", "1 event", "0 events"]);
});

test("the clock is the server's, not the browser's", () => {
  equal(clock("2026-11-24T23:59:00Z"), "23:59");
});

test("a name becomes a sentence", () => {
  deepEqual([sentence("unknown_tracking_id"), sentence("")], ["Unknown tracking id", ""]);
});
