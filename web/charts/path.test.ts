import { equal } from "node:assert/strict";
import test from "node:test";

import { areaPath, linePath } from "./path";

test("a line goes through its points, and has a gap where one is not known", () => {
  equal(linePath([[0, 10], [10.12345, 20], [20, 0]]), "M0,10L10.123,20L20,0");
  equal(linePath([[0, null], [1, 10], [2, 20], [3, null], [4, null], [5, 1], [6, 2], [7, null]]), "M1,10L2,20M5,1L6,2");
  equal(linePath([[0, 0], [1, -0.0004]]), "M0,0L1,0", "nothing is drawn as -0");
  equal(linePath([]), "");
  equal(linePath([[0, null]]), "");
});

test("a point between gaps is a closed path, which has an end to be seen by", () => {
  equal(linePath([[0, 10], [1, null], [2, 20]]), "M0,10ZM2,20Z");
});

test("an area goes along the upper line and back along the lower one", () => {
  equal(areaPath([[0, 10, 30], [1, 20, 30], [2, 5, 29.5]]), "M0,10L1,20L2,5L2,29.5L1,30L0,30Z");
  equal(areaPath([[0, 10, 30], [1, null, 30], [2, 5, null], [3, 5, 30]]), "M0,10L0,30ZM3,5L3,30Z");
  equal(areaPath([]), "");
});
