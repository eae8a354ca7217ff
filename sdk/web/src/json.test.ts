import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { scalar, scalars, text } from "./json";

test("text is text, and stays away where there is none", () => {
  deepEqual([text("a"), text(5), text(false), text(""), text(null), text(undefined)], ["a", "5", "false", "", undefined, undefined]);
});

const TEXTLESS = [
  Object.create(null),
  { toString: () => 5 },
  {
    toString() {
      throw new Error("toString");
    },
  },
] as unknown[];

test("what cannot become text stays away", () => {
  deepEqual(TEXTLESS.map(text), [undefined, undefined, undefined]);
  equal(JSON.stringify(scalars({ a: 1, ...TEXTLESS, z: "z" })), '{"a":1,"z":"z"}');
});

test("half a surrogate pair is replaced, a whole one is kept", () => {
  deepEqual(
    ["\ud83d", "a\udc63b", "\u{1f463}", "\u{1f463}".repeat(1_000) + "x", `${"x".repeat(1_999)}\u{1f463}`].map((value) => text(value)!.slice(-4)),
    ["\ufffd", "a\ufffdb", "\u{1f463}", "\u{1f463}\u{1f463}", "xxx\ufffd"],
  );
});

test("numbers, true and false stay what they are; all else becomes text", () => {
  deepEqual({ ...scalars({ n: 1.5, t: true, f: false, zero: 0, list: [1, 2], none: null }) }, { n: 1.5, t: true, f: false, zero: 0, list: "1,2", none: undefined });
});

test("a number is not sent as its text, which need not be a decimal", () => {
  deepEqual([scalar(5e-7), scalar(1e21), scalar("19.90"), JSON.stringify(scalar(NaN)), scalar(undefined)], [5e-7, 1e21, "19.90", "null", undefined]);
});

test("only own properties are copied, and none where one of them throws", () => {
  const inheriting = Object.assign(Object.create({ inherited: 1 }) as object, { own: 2 });
  const throwing = {
    get trap() {
      throw new Error("getter");
    },
  };
  deepEqual([{ ...scalars(inheriting) }, { ...scalars(throwing) }], [{ own: 2 }, {}]);
});

test("a key named __proto__ changes no prototype", () => {
  const copy = scalars(JSON.parse('{"__proto__": "p"}') as object);
  equal(Object.getPrototypeOf(copy), null);
  deepEqual(Object.entries(copy), [["__proto__", "p"]]);
  equal(JSON.stringify(copy), '{"__proto__":"p"}');
});

test("nothing gives nothing", () => {
  deepEqual([Object.keys(scalars(undefined)), Object.keys(scalars({}))], [[], []]);
});
