import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { devices } from "../devices/devices";
import { events } from "../events/events";
import { nameOfValue } from "../filters/names";
import { locations } from "../locations/places";
import { pages } from "../pages/pages";
import { sources } from "../sources/sources";
import { listed, nameOfRow, narrowed, rankingQuery, searched, shareOf, tabOf } from "./spec";

const base = { website_id: "s", metrics: [], time_range: "7d", filters: [["country", "is", ["DE"]]] } as const;

test("a ranking asks for its dimension, best first, for one row more than it shows, and for no total: the numbers on top have it", () => {
  deepEqual(rankingQuery(tabOf(pages, "entry_page"), base), {
    website_id: "s",
    time_range: "7d",
    metrics: ["visitors"],
    dimensions: ["entry_page"],
    filters: [["country", "is", ["DE"]]],
    order_by: [
      ["visitors", "desc"],
      ["entry_page", "asc"],
    ],
    limit: 10,
    totals: false,
  });
});

test("its own condition is added to those of the view", () => {
  deepEqual(rankingQuery(tabOf(events, undefined), base).filters, [
    ["country", "is", ["DE"]],
    ["event_name", "is_set"],
  ]);
});

test("a tab that an address invents is the first one", () => {
  equal(tabOf(pages, "passwords").dimension, "page");
});

test("values have the names that people use, and no value has one too", () => {
  equal(tabOf(locations, "country").nameOf("DE"), "Germany");
  equal(tabOf(locations, "country").nameOf(""), "Unknown");
  equal(tabOf(sources, "source").nameOf(""), "Direct or unknown");
  equal(tabOf(sources, "referrer").nameOf("https://www.news.example/a/"), "news.example/a");
});

test("what cannot be seen is named as no value is", () => {
  const { nameOf } = tabOf(pages, "title");
  for (const value of ["", " ", "\u00a0\t", "\u200b\ufeff"]) equal(nameOf(value), "(no title)");
  equal(nameOf(" a "), " a ");
  equal(tabOf(events, undefined).nameOf("  "), "(no name)");
  equal(nameOfValue("property:plan", " "), "(none)");
});

test("only http and https are linked", () => {
  const referrer = tabOf(sources, "referrer");
  equal(referrer.linkOf?.("https://news.example/a", ""), "https://news.example/a");
  for (const text of ["javascript:alert(1)", "data:text/html,x", "news.example", ""]) equal(referrer.linkOf?.(text, ""), undefined);
  equal(tabOf(pages, "page").linkOf?.("/a b", "site.example"), "https://site.example/a%20b");
  equal(tabOf(pages, "page").linkOf?.("@evil.example", "site.example"), undefined);
});

test("a small share is not none", () => {
  deepEqual([shareOf(0, 10), shareOf(1, 1_000), shareOf(1, 3), shareOf(1, 0)], ["0\u00a0%", "<1\u00a0%", "33\u00a0%", ""]);
  equal(shareOf(3, 2), "100\u00a0%", "of a total that is a moment older");
});

test("a version is ranked, and named, within what it is a version of", () => {
  const versions = tabOf(devices, "browser_version");
  const query = rankingQuery(versions, base);
  deepEqual(query.dimensions, ["browser", "browser_version"]);
  deepEqual(query.order_by, [
    ["visitors", "desc"],
    ["browser", "asc"],
    ["browser_version", "asc"],
  ]);
  deepEqual(
    [["Firefox", "128"], ["Firefox", ""], ["", ""]].map((row) => nameOfRow(versions, row)),
    ["Firefox 128", "Firefox (unknown)", "Unknown"],
  );
});

test("a list is searched for every word, in any case, and to the letter", () => {
  deepEqual(narrowed(base, searched(tabOf(pages, "page"), "/a.b (c")).filters, [
    ["country", "is", ["DE"]],
    ["or", [["page", "matches", ["(?i)/a\\.b"]]]],
    ["or", [["page", "matches", ["(?i)\\(c"]]]],
  ]);
  deepEqual(searched(tabOf(devices, "os_version"), "11"), [
    [
      "or",
      [
        ["os", "matches", ["(?i)11"]],
        ["os_version", "matches", ["(?i)11"]],
      ],
    ],
  ]);
});

test("the rows of a list are told by their values, versions by what they are versions of", () => {
  deepEqual(listed(tabOf(locations, "country"), [["DE", 5], ["", 1]]), [["country", "is", ["DE", ""]]]);
  const versions = [["Firefox", "128", 9], ["Chrome", "128", 8], ["Firefox", "", 1]];
  deepEqual(listed(tabOf(devices, "browser_version"), versions), [
    [
      "or",
      [
        ["and", [["browser", "is", ["Firefox"]], ["browser_version", "is", ["128", ""]]]],
        ["and", [["browser", "is", ["Chrome"]], ["browser_version", "is", ["128"]]]],
      ],
    ],
  ]);
});
