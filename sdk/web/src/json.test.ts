import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { scalars, text } from "./json";

test("text is text, and stays away where there is none", () => {
  deepEqual([text("a"), text(5), text(false), text(""), text(null), text(undefined)], ["a", "5", "false", "", undefined, undefined]);
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

test("a key named __proto__ changes no prototype", () => {
  const copy = scalars(JSON.parse('{"__proto__": "p"}') as object);
  equal(Object.getPrototypeOf(copy), null);
  deepEqual(Object.entries(copy), [["__proto__", "p"]]);
  equal(JSON.stringify(copy), '{"__proto__":"p"}');
});

test("nothing gives nothing", () => {
  deepEqual([Object.keys(scalars(undefined)), Object.keys(scalars({}))], [[], []]);
});
