import { deepEqual, ok } from "node:assert/strict";
import test from "node:test";

import { labelled, marks } from "./axis";

test("an axis starts at 0, covers the maximum, and has few marks", () => {
  for (const unit of ["count", "number", "percent", "seconds"] as const)
    for (let max = 0; max < 200_000; max = max * 1.31 + 0.7) {
      const list = marks(unit, max);
      ok(list[0] === 0 && list.length >= 2 && list.length <= 5 && (list[list.length - 1] as number) >= max, `${unit} ${max}: ${list.join(" ")}`);
    }
});

test("marks of counts are whole, those of time are a clock's", () => {
  deepEqual(marks("count", 3), [0, 1, 2, 3, 4]);
  deepEqual(marks("count", 1_707), [0, 500, 1_000, 1_500, 2_000]);
  deepEqual(marks("seconds", 134), [0, 60, 120, 180]);
  deepEqual(marks("number", 0.9), [0, 0.5, 1]);
});

test("labels keep apart", () => {
  deepEqual(labelled(5, 500, 60), [0, 1, 2, 3, 4]);
  deepEqual(labelled(24, 300, 50), [0, 4, 8, 12, 16, 20]);
  deepEqual(labelled(0, 300, 50), []);
});
