import { equal } from "node:assert/strict";
import test from "node:test";

import { reasons } from "../../schema/rejections.json";
import { advice, laidOut, moment } from "./rejected";

test("each reason of the server has its advice, and another one an own", () => {
  const said = new Set([...reasons.map(({ name }) => name), "of a later release"].map(advice));
  equal(said.size, reasons.length + 1);
  equal(reasons.every(({ name }) => !advice(name).includes("does not know")), true);
  equal(advice("constructor").includes("does not know"), true);
});

test("an instant is shown as the server gave it", () => {
  equal(moment("2026-11-24T06:00:01.234Z"), "2026-11-24 06:00:01 UTC");
});

test("an event is laid out where it is whole, and else as it was sent", () => {
  equal(laidOut({ event: '{"a":[1],"b":"<b>"}', is_cut: false }), '{\n  "a": [\n    1\n  ],\n  "b": "<b>"\n}');
  equal(laidOut({ event: '{"a":"b', is_cut: true }), '{"a":"b\u2026');
  equal(laidOut({ event: "{a}", is_cut: false }), "{a}");
  equal(laidOut({ event: '{"a":"\u202eb"}', is_cut: false }), '{\n  "a": "\\u202eb"\n}');
});
