import { deepEqual, ok } from "node:assert/strict";
import test from "node:test";

import { ticks } from "./scale";

test("ticks start at 0 and end at or above the maximum, in whole round steps", () => {
  deepEqual(ticks(0, 4), [0, 1]);
  deepEqual(ticks(3, 4), [0, 1, 2, 3]);
  deepEqual(ticks(7, 4), [0, 2, 4, 6, 8]);
  deepEqual(ticks(1_707, 4), [0, 500, 1_000, 1_500, 2_000]);
});

test("ticks never number more than asked for, and cover the maximum", () => {
  for (let max = 0; max < 5_000; max += 7) {
    const marks = ticks(max, 4);
    ok(marks.length <= 5 && (marks[marks.length - 1] ?? 0) >= max, `${max}: ${marks.join(" ")}`);
  }
});
