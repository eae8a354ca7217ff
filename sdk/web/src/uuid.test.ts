import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";

import { uuid } from "./uuid";

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function at<T>(now: number, body: () => T): T {
  const original = Date.now;
  Date.now = () => now;
  try {
    return body();
  } finally {
    Date.now = original;
  }
}

test("ids are UUIDs of version 7, all different, and sort by their time", () => {
  const ids = Array.from({ length: 1_000 }, uuid);
  equal(new Set(ids).size, 1_000);
  ok(ids.every((id) => FORM.test(id)));
  ok(at(1_795_521_600_000, uuid) < at(1_795_521_600_001, uuid));
  equal(at(1_795_521_600_000, uuid).slice(0, 14), "01a20d6d-5a00-");
});

test("a clock that stands at its beginning, or far ahead, makes ids too", () => {
  deepEqual([0, 1, 2 ** 48 - 1].map((now) => FORM.test(at(now, uuid))), [true, true, true]);
});

test("without crypto, or with one that throws, ids still differ", () => {
  const original = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const broken = {
    getRandomValues() {
      throw new Error("no entropy");
    },
  };
  try {
    for (const value of [undefined, broken]) {
      Object.defineProperty(globalThis, "crypto", { value, configurable: true });
      const ids = Array.from({ length: 1_000 }, uuid);
      equal(new Set(ids).size, 1_000);
      ok(ids.every((id) => FORM.test(id)));
    }
  } finally {
    if (original) Object.defineProperty(globalThis, "crypto", original);
  }
});
