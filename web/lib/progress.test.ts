import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { isLate, isProgress, progressText, totalOf } from "./progress";

const far = (rows_read: number, rows_total: number | null, elapsed_ms = 750) => ({ rows_read, rows_total, elapsed_ms });

test("how far a question is, in words", () => {
  equal(progressText(far(12_345_678, 30_000_000)), "12.3 million of 30 million rows read");
  equal(progressText(far(0, 8_192)), "0 of 8.2 thousand rows read");
  equal(progressText(far(1_234_567_890, null)), "1.2 billion rows read");
  equal(progressText(far(1, null)), "1 row read");
  equal(progressText(far(0, null)), "Waiting for the answer");
  equal(progressText(far(0, 0)), "Waiting for the answer", "a total of none is none that is known");
});

test("of an estimate that was too low no more than all is read", () => {
  equal(totalOf(far(31_000_000, 30_000_000)), 31_000_000);
  equal(progressText(far(31_000_000, 30_000_000)), "31 million of 31 million rows read");
  equal(totalOf(far(5, null)), undefined);
});

test("only after half a second there is something to say", () => {
  deepEqual([250, 499, 500, 9_000].map((ms) => isLate(far(1, 2, ms))), [false, false, true, true]);
});

test("what is not progress is told from it", () => {
  deepEqual([far(1, 2), far(1, null), { rows_read: 1, elapsed_ms: 2 }].map(isProgress), [true, true, true]);
  deepEqual([null, undefined, "1", 7, [], {}, { rows_read: "1", rows_total: 2, elapsed_ms: 3 }, { ...far(1, 2), rows_total: "2" }].map(isProgress), Array(8).fill(false));
});
