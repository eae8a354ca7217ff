import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { isDimension, offered } from "../panels/filters/dimensions";
import { wordsOfFilter } from "../panels/filters/names";
import { conditionOf, filterAt, filterOf, filterText, parseFilter, placeIn } from "./filter";
import type { Filter, FilterGroup, FilterTree } from "./query";
import { dimensions } from "../../schema/dimensions.json";

const is = (dimension: string, ...values: string[]): Filter => ({ dimension, operator: "is", values });
const group = (kind: FilterGroup["group"], ...filters: FilterTree[]): FilterGroup => ({ group: kind, filters });
const read = (text: string) => parseFilter(text, isDimension);

/** Every operator, and texts that try to end a part, a condition or a group. */
const TREES: FilterTree[] = [
  is("page", "/a,b(c)"),
  group("or", is("country", "DE", "FR"), { dimension: "page", operator: "contains_not", values: ["/blog"] }),
  group("not", is("page", "or(", ")", ",", "~", "!", "!)", "")),
  group("and", group("or", is("property:a(b),c~d!e", "x"), group("not", group("and", is("source", ""), is("goal", "Signup")))), {
    dimension: "os",
    operator: "is_not_set",
    values: [],
  }),
  { dimension: "page", operator: "matches", values: ["^/(a|b),~!$"] },
  { dimension: "property:price", operator: "between", values: ["1", "2.5"] },
  { dimension: "date", operator: "gt", values: ["2026-11-24"] },
  { dimension: "goal", operator: "has_not_done", values: ["Signup"] },
  group("has_done", { dimension: "page", operator: "contains", values: ["/blog"] }, is("country", "DE")),
  group("or", is("source", "x"), group("not", group("has_not_done", group("or", is("page", "has_done("), is("page", ")"))))),
];

test("every filter comes back from its text, and from what the query interface takes", () => {
  for (const tree of TREES) {
    deepEqual(read(filterText(tree)), tree, filterText(tree));
    deepEqual(filterOf(JSON.parse(JSON.stringify(conditionOf(tree)))), tree);
  }
});

test("a group is readable, and a condition alone is written as it always was", () => {
  equal(filterText(group("or", is("country", "DE"), group("not", is("page", "/blog")))), "or(country~is~DE,not(page~is~/blog))");
  equal(filterText(is("page", "/a,b(c)")), "page~is~/a,b(c)");
  equal(filterText(group("has_not_done", is("page", "/a"), is("country", "DE"))), "has_not_done(page~is~/a,country~is~DE)");
});

test("a group is told by what it asks, in words that tell all of them apart", () => {
  const both = [is("page", "/"), is("os", "Linux")] as const;
  const words = [group("and", ...both), group("or", ...both), group("not", group("or", ...both)), group("not", group("and", ...both)), group("has_done", ...both), group("has_not_done", ...both)].map(wordsOfFilter);
  deepEqual(words, ["all of", "any of", "none of", "not all of", "once together", "never together"].map((name) => `${name}: Page is /; Operating system is Linux`));
  equal(wordsOfFilter(group("not", group("has_done", ...both))), "none of: (once together: Page is /; Operating system is Linux)");
});

test("what is no whole filter is none", () => {
  for (const text of [
    "or()",
    "or(page~is~/",
    "or(page~is~/))",
    "or(page~is~/)x",
    "or(page~is~/,)",
    "or(page~is)",
    "or(foo~is~x)",
    "not(page~is~/,page~is~/a)",
    "has_done()",
    "has_done(page~is~/",
    "has_not_done",
    "xor(page~is~/)",
    "page~gt~1~2",
    "page~between~1",
    "page~is_not_set~x",
    `${"not(".repeat(8)}page~is~/${")".repeat(8)}`,
  ])
    equal(read(text), undefined, text);
  equal(filterText(read(`${"not(".repeat(7)}page~is~/${")".repeat(7)}`) as FilterTree).length, 7 * 5 + 9, "as deep as the server takes");
});

test("a filter that somebody else wrote is understood as the server understands it", () => {
  deepEqual(filterOf(["or", ["country", "is", "DE"], ["property:n", "is", [1, true]]]), group("or", is("country", "DE"), is("property:n", "1", "true")));
  deepEqual(filterOf(["not", ["page", "is_set", true]]), group("not", { dimension: "page", operator: "is_set", values: [] }));
  deepEqual(filterOf(["and", [["page", "is", "/"]]]), group("and", is("page", "/")));
  const done = group("has_done", is("page", "/"), is("country", "DE"));
  deepEqual(filterOf(["has_done", ["page", "is", "/"], ["country", "is", "DE"]]), done);
  deepEqual(filterOf(["has_done", [["page", "is", "/"], ["country", "is", ["DE"]]]]), done);
  deepEqual(filterOf(["has_not_done", ["page", "contains", "/"]]), group("has_not_done", { dimension: "page", operator: "contains", values: ["/"] }));
  for (const condition of [["has_done"], ["has_done", []], ["has_done", ["page", "near", "x"]], ["has_undone", ["page", "is", "/"]], "page", [], ["or"], ["or", []], ["not", ["page", "is", "/"], ["page", "is", "/"]], ["page", "near", "x"], ["or", [["page", "near", "x"]]]])
    equal(filterOf(condition), undefined, JSON.stringify(condition));
});

test("an error's field names a place among the filters", () => {
  const filters = [is("page", "/"), group("or", is("country", "DE"), group("not", group("and", is("os", "x"), is("browser", "y"))))];
  deepEqual(placeIn(filters, "filters[0][2][3]"), { index: 0, path: [], part: "values" });
  deepEqual(placeIn(filters, "filters[1][1][0][0]"), { index: 1, path: [0], part: "dimension" });
  // conditionOf(): ["or", [A, ["not", ["and", [B, C]]]]]
  deepEqual(placeIn(filters, "filters[1][1][1][1][1][1][1]"), { index: 1, path: [1, 0, 1], part: "operator" });
  deepEqual(filterAt(filters, { index: 1, path: [1, 0, 1] }), is("browser", "y"));
  deepEqual(placeIn(filters, "filters[1][1][1]"), { index: 1, path: [1], part: undefined });
  // ["has_done", [A, B]]
  deepEqual(placeIn([group("has_done", is("os", "x"), is("browser", "y"))], "filters[0][1][1][2]"), { index: 0, path: [1], part: "values" });
  for (const field of ["filters", "filters[2]", "metrics[0]", "segment", undefined]) equal(placeIn(filters, field), undefined, field);
});

test("every dimension that the server answers is offered once, under a name of its own", () => {
  const all = (dimensions as { name: string; sources: object; internal?: boolean }[])
    .filter(({ name, sources, internal }) => Object.keys(sources).length > 0 && !internal && name !== "property:")
    .map(({ name }) => name);
  deepEqual(offered().map(({ dimension }) => dimension).sort(), all.sort());
  equal(new Set(offered().map(({ name }) => name.toLowerCase())).size, all.length);
});
