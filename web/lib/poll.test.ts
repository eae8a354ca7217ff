import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";

import { delayAfter, poll } from "./poll";

test("the delay doubles with each failure up to its limit, with jitter over the upper half", () => {
  deepEqual([0, 1, 2, 3, 4, 9].map((failures) => delayAfter(failures, () => 1)), [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  deepEqual([0, 1, 9].map((failures) => delayAfter(failures, () => 0)), [2_000, 2_000, 15_000]);
});

test("nothing is asked while hidden, and wake asks at once", async () => {
  let hidden = true;
  let asked = 0;
  const answered = new Promise<number>((resolve) => {
    const wake = poll({
      ask: async () => ++asked,
      onAnswer: (answer) => {
        hidden = true;
        resolve(answer);
      },
      onFailure: () => undefined,
      hidden: () => hidden,
    });
    equal(asked, 0);
    hidden = false;
    wake();
    wake();
  });
  equal(await answered, 1);
  equal(asked, 1, "a second wake() must not ask while a question is on its way");
});

test("a failure is told together with the time of the next attempt", async () => {
  const [error, retryMs] = await new Promise<[unknown, number]>((resolve) => {
    let hidden = false;
    poll({
      ask: () => Promise.reject(new Error("no")),
      onAnswer: () => undefined,
      onFailure: (reason, retry) => {
        hidden = true;
        resolve([reason, retry]);
      },
      hidden: () => hidden,
    });
  });
  ok(error instanceof Error && error.message === "no");
  ok(retryMs >= 2_000 && retryMs <= 4_000, String(retryMs));
});
