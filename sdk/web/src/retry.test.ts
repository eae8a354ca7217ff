import { deepEqual, ok } from "node:assert/strict";
import test from "node:test";

import { backOff } from "./retry";

function withRandom<T>(value: number, body: () => T): T {
  const original = Math.random;
  Math.random = () => value;
  try {
    return body();
  } finally {
    Math.random = original;
  }
}

const ALMOST_1 = 1 - 2 ** -53;

test("waits lie between one second and a bound that doubles up to five minutes", () => {
  const failures = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 10_000];
  deepEqual(withRandom(0, () => failures.map((n) => backOff(n, null))), failures.map(() => 1_000));
  deepEqual(
    withRandom(ALMOST_1, () => failures.map((n) => Math.round(backOff(n, null) / 1_000))),
    [2, 3, 5, 9, 17, 33, 65, 129, 257, 300, 300, 300, 300],
  );
});

test("a Retry-After is never undercut, is jittered by a second, and is believed up to an hour", () => {
  for (const [given, seconds] of [["1", 1], ["120", 120], ["3600", 3_600], ["86400", 3_600], ["1e99", 3_600]] as const) {
    ok(withRandom(0, () => backOff(0, given)) === seconds * 1_000, given);
    ok(withRandom(ALMOST_1, () => backOff(0, given)) < seconds * 1_000 + 1_000.001, given);
  }
});

test("a Retry-After may be a date", () => {
  const wait = backOff(0, new Date(Date.now() + 60_000).toUTCString());
  ok(wait > 58_000 && wait < 61_001, String(wait));
});

test("a Retry-After that says nothing leaves the wait to the back-off", () => {
  for (const given of ["", "0", "-5", "soon", "NaN", new Date(0).toUTCString()]) ok(withRandom(0, () => backOff(3, given)) === 1_000, given);
});
