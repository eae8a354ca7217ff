import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import {
  baseQuery,
  comparesOf,
  DEFAULT_VIEW,
  granularityOf,
  isOpen,
  parseView,
  possibleGranularities,
  readView,
  stepped,
  suitableGranularity,
  toggleFilter,
  viewSearch,
  type View,
} from "./state";
import { dimensions } from "../../schema/dimensions.json";

test("the usual view needs no words in the address", () => {
  equal(viewSearch(DEFAULT_VIEW), "");
  deepEqual(parseView(""), DEFAULT_VIEW);
});

test("every view comes back from its address", () => {
  equal(viewSearch({ ...DEFAULT_VIEW, page: "live", range: "7d" }), "?view=live&range=7d");
  equal(parseView("?view=live").page, "live");
  equal(parseView("?view=dead").page, "board");
  const odd = [{ dimension: "property:two\nlines~!", operator: "is" as const, values: ["a\u0000~b", "c!\r\nd"] }];
  deepEqual(parseView(viewSearch({ ...DEFAULT_VIEW, filters: odd })).filters, odd);
  const views: View[] = [
    { ...DEFAULT_VIEW, range: "12mo", compare: "none", metric: "bounce_rate", theme: "dark", granularity: "week" },
    { ...DEFAULT_VIEW, keys: "off", theme: "light" },
    { ...DEFAULT_VIEW, compare: { from: "2025-11-01", to: "2025-11-30" } },
    { ...DEFAULT_VIEW, compare: "previous_year", weekdays: "match" },
    { ...DEFAULT_VIEW, range: { from: "2026-10-01", to: "2026-10-31" }, tabs: { pages: "entry_page", sources: "channel" } },
    { ...DEFAULT_VIEW, filters: [{ dimension: "page", operator: "is", values: ["/a~b!c&d=e?f #g/\u00e4%2F+", "", "~"] }] },
    {
      ...DEFAULT_VIEW,
      filters: [
        { dimension: "page", operator: "matches", values: ["^/(a|b),$"] },
        {
          group: "or",
          filters: [
            { dimension: "page", operator: "is", values: ["/a~b!c&d=e?f #g(,)/\u00e4%2F+", "", ")"] },
            { group: "not", filters: [{ dimension: "property:x,y", operator: "between", values: ["1", "2"] }] },
          ],
        },
      ],
    },
    {
      ...DEFAULT_VIEW,
      filters: [
        { dimension: "property:plan", operator: "contains", values: ["pro"] },
        { dimension: "event_name", operator: "is_set", values: [] },
      ],
    },
    {
      ...DEFAULT_VIEW,
      page: "funnel",
      steps: [
        { of: "page", value: "/a~b!c&d=e?f #g/\u00e4%2F+" },
        { of: "event", value: "two\nlines <b>" },
        { of: "goal", value: "~" },
        {
          of: "page",
          value: "/a~b",
          name: "name~if!",
          filters: [
            { dimension: "property:two\nlines~!", operator: "is", values: ["a~b!", ""] },
            { dimension: "event_name", operator: "is_set", values: [] },
          ],
        },
        { of: "event", value: "name", filters: [{ dimension: "country", operator: "is_not", values: ["DE", "FR"] }] },
      ],
      window: "30m",
      per: "session",
      breakdown: "property:plan",
    },
    { ...DEFAULT_VIEW, exact: true, segment: "News", metric: "sessions" },
    { ...DEFAULT_VIEW, page: "funnel", segment: "Readers ~ of! the (news) & more" },
    { ...DEFAULT_VIEW, page: "retention", cohort: "month", first: { of: "event", value: "signup" }, again: { of: "page", value: "/app" }, cells: "visitors" },
    {
      ...DEFAULT_VIEW,
      page: "paths",
      from: { of: "goal", value: "~!" },
      depth: 10,
      branches: 3,
      nodes: "both",
      repeats: "keep",
      flow: "table",
    },
    { ...DEFAULT_VIEW, page: "paths", to: { of: "page", value: "/buy" } },
  ];
  for (const view of views) deepEqual(parseView(viewSearch(view)), view);
});

test("an address is readable", () => {
  equal(
    viewSearch({ ...DEFAULT_VIEW, range: "7d", filters: [{ dimension: "page", operator: "is", values: ["/blog/x"] }] }),
    "?range=7d&filter=page~is~/blog/x",
  );
  equal(viewSearch({ ...DEFAULT_VIEW, exact: true }), "?exact=1");
});

test("what an address says wrongly counts as not said", () => {
  for (const search of [
    "?range=2026-13-01..2026-13-02",
    "?range=2026-02-10..2026-02-01",
    "?range=forever&compare=x&metric=money&by=second&theme=pink",
    "?filter=page~is",
    "?filter=page~drops~x",
    "?filter=DROP TABLE~is~x",
    "?filter=event_name~is_set~x",
  ])
    deepEqual(parseView(search), DEFAULT_VIEW, search);
});

test("a click sets a filter, another value replaces it, the same value removes it; other operators stay", () => {
  const not = { dimension: "page", operator: "is_not", values: ["/z"] } as const;
  const first = toggleFilter([not], "page", "/a");
  deepEqual(first, [not, { dimension: "page", operator: "is", values: ["/a"] }]);
  const second = toggleFilter(first, "page", "/b");
  deepEqual(second, [not, { dimension: "page", operator: "is", values: ["/b"] }]);
  deepEqual(toggleFilter(second, "page", "/b"), [not]);
  const version = toggleFilter([{ dimension: "browser", operator: "is", values: ["Safari"] }], "browser_version", "128", ["browser", "Firefox"]);
  deepEqual(version, [
    { dimension: "browser", operator: "is", values: ["Firefox"] },
    { dimension: "browser_version", operator: "is", values: ["128"] },
  ]);
  deepEqual(toggleFilter(version, "browser_version", "128", ["browser", "Firefox"]), [version[0]]);
});

test("buckets suit the range, and a choice that does not is ignored", () => {
  equal(suitableGranularity("today", undefined), "hour");
  equal(suitableGranularity({ from: "2026-01-01", to: "2026-01-02" }, undefined), "hour");
  equal(suitableGranularity({ from: "2026-01-01", to: "2026-03-31" }, undefined), "day");
  equal(suitableGranularity({ from: "2025-01-01", to: "2025-12-31" }, undefined), "week");
  equal(suitableGranularity("all", undefined), "month");
  equal(granularityOf({ ...DEFAULT_VIEW, range: "30d", granularity: "hour" }, undefined), "day");
  equal(granularityOf({ ...DEFAULT_VIEW, range: "30d", granularity: "week" }, undefined), "week");
  const since = (from: string) => ({ from, to: "2026-11-24" });
  deepEqual(
    ["2026-11-24", "2026-11-01", "2026-06-01", "2020-01-01"].map((from) => suitableGranularity("all", since(from))),
    ["hour", "day", "week", "month"],
    "all time is as long as the site has events",
  );
  deepEqual(possibleGranularities("all", since("2026-11-15")), ["hour", "day"]);
  deepEqual(possibleGranularities("all", since("2020-01-01")), ["day", "week", "month"]);
  deepEqual(possibleGranularities("12mo", undefined), ["day", "week", "month"]);
});

test("a query takes its range by name where the server has one, and by days where it has not", () => {
  deepEqual(baseQuery("s", { ...DEFAULT_VIEW, range: "7d" }, "2026-11-24"), { website_id: "s", time_range: "7d" });
  deepEqual(baseQuery("s", { ...DEFAULT_VIEW, range: "yesterday" }, "2026-03-01"), { website_id: "s", date_range: ["2026-02-28", "2026-02-28"] });
  const filters = [
    { dimension: "country", operator: "is", values: ["DE", "FR"] },
    { dimension: "event_name", operator: "is_set", values: [] },
  ] as const;
  deepEqual(baseQuery("s", { ...DEFAULT_VIEW, filters }, "2026-11-24").filters, [
    ["country", "is", ["DE", "FR"]],
    ["event_name", "is_set"],
  ]);
  equal(baseQuery("s", { ...DEFAULT_VIEW, segment: "News" }, "2026-11-24").segment, "News");
  equal(baseQuery("s", { ...DEFAULT_VIEW, exact: true }, "2026-11-24").exact, true);
  const grouped = [{ group: "or", filters: [filters[0], { group: "not", filters: [{ dimension: "os", operator: "is_not_set", values: [] }] }] }] as const;
  deepEqual(baseQuery("s", { ...DEFAULT_VIEW, filters: grouped }, "2026-11-24").filters, [
    ["or", [["country", "is", ["DE", "FR"]], ["not", ["os", "is_set", false]]]],
  ]);
});

test("all time is not compared; a past range is not asked again", () => {
  equal(comparesOf({ ...DEFAULT_VIEW, range: "all" }, "2026-11-24"), undefined);
  equal(comparesOf({ ...DEFAULT_VIEW, compare: "previous_year" }, "2026-11-24"), "previous_year");
  equal(isOpen({ ...DEFAULT_VIEW, range: "yesterday" }, "2026-11-24"), false);
  equal(isOpen({ ...DEFAULT_VIEW, range: { from: "2026-11-01", to: "2026-11-24" } }, "2026-11-24"), true);
});

test("a step goes to the days before or after, by months where they are whole, and takes the name of what it reaches", () => {
  const today = "2026-11-24";
  const step = (range: View["range"], by: -1 | 1) => stepped(range, today, by);
  equal(step("today", -1), "yesterday");
  equal(step("yesterday", 1), "today");
  equal(step("today", 1), undefined);
  equal(step("all", -1), undefined);
  deepEqual(step("7d", -1), { from: "2026-11-11", to: "2026-11-17" });
  equal(step({ from: "2026-11-11", to: "2026-11-17" }, 1), "7d");
  deepEqual(step("month", -1), { from: "2026-10-01", to: "2026-10-31" });
  deepEqual(step({ from: "2026-03-01", to: "2026-03-31" }, -1), { from: "2026-02-01", to: "2026-02-28" });
  equal(step({ from: "2026-10-01", to: "2026-10-31" }, 1), "month");
  equal(step("month", 1), undefined);
  deepEqual(step("12mo", -1), { from: "2024-12-01", to: "2025-11-30" });
  deepEqual(step("year", -1), { from: "2025-01-01", to: "2025-12-31" });
  equal(step({ from: "2025-01-01", to: "2025-12-31" }, 1), "year");
});

test("the other period may be one's own, or lie whole weeks before", () => {
  const today = "2026-11-24";
  const compares = (change: Partial<View>) => comparesOf({ ...DEFAULT_VIEW, weekdays: "match", ...change }, today);
  deepEqual(compares({ range: "today" }), ["2026-11-17", "2026-11-17"]);
  deepEqual(compares({ range: "7d" }), ["2026-11-11", "2026-11-17"]);
  deepEqual(compares({ range: "30d" }), ["2026-09-21", "2026-10-20"], "five weeks: four would overlap");
  deepEqual(compares({ range: "month" }), ["2026-10-04", "2026-10-27"], "as much of it as there is");
  deepEqual(compares({ range: { from: "2026-11-02", to: "2026-11-03" }, compare: "previous_year" }), ["2025-11-03", "2025-11-04"]);
  deepEqual(compares({ compare: { from: "2025-11-01", to: "2025-11-30" } }), ["2025-11-01", "2025-11-30"]);
  equal(compares({ compare: "none" }), undefined);
  equal(compares({ range: "all" }), undefined);
});

test("what an address says and nobody understands is left out and named, once each", () => {
  const good = ["range=7d", "filter=country~is~DE", "compare=none", "tab.pages=title", "view=live", "keys=on", "theme=auto"];
  const bad = [
    "filter=country~wat~DE",
    "filter=page~equals~x",
    "filter=or(page~is~/,foo~is~x)",
    "filter=page~between~1",
    "segment=",
    `segment=${"x".repeat(257)}`,
    "filter=foo~is~x",
    "filter=property:~is~x",
    "filter=page~is_set~x",
    "filter=page~is",
    "tab.pages=passwords",
    "view=dead",
    "range=2026-11-24..2026-11-01",
    "compare=2026-02-30..2026-03-01",
    "match=all",
    "exact=0",
    "exact=true",
    "metric=money",
    "by=second",
    "theme=pink",
    "keys=some",
    "step=page~",
    "step=page",
    "step=title~x",
    "step=page~/~x",
    "step=page~/~name",
    "step=page~/~name~",
    "step=page~/~name~a~name~b",
    "step=page~/~if~country",
    "step=page~/~if~foo!~is!~x",
    "step=page~/~if~country~is~DE",
    "window=2h",
    "per=click",
    "breakdown=passwords",
    "cohort=year",
    "first=event~",
    "again=x",
    "cells=both",
    "from=page~",
    "to=x",
    "depth=11",
    "depth=05",
    "branches=1e9",
    "nodes=goals",
    "repeats=some",
    "flow=pie",
  ];
  for (const text of bad) deepEqual(readView(`?${text}`), { view: DEFAULT_VIEW, dropped: [text] });
  deepEqual(readView(`?${good.join("&")}&utm_source=mail`).dropped, []);
  deepEqual(readView(`?${good.slice(0, 2).join("&")}&filter=foo~is~x`), {
    view: { ...DEFAULT_VIEW, range: "7d", filters: [{ dimension: "country", operator: "is", values: ["DE"] }] },
    dropped: ["filter=foo~is~x"],
  });
  const many = Array.from({ length: 22 }, (_, index) => `filter=page~is~/${index}`);
  deepEqual(readView(`?${many.join("&")}`).dropped, ["filter=page~is~/20", "filter=page~is~/21"]);
  const wide = `filter=or(${Array.from({ length: 30 }, (_, index) => `page~is~/${index}`).join(",")})`;
  deepEqual(readView(`?${wide}&${wide}&filter=page~is~/`).dropped, [wide], "the server takes 50 conditions");
});

test("an address of a funnel is readable, and has as many steps as the server takes", () => {
  const steps = [
    { of: "page", value: "/pricing" },
    { of: "goal", value: "Signup" },
  ] as const;
  equal(viewSearch({ ...DEFAULT_VIEW, page: "funnel", steps, window: "1d" }), "?view=funnel&step=page~/pricing&step=goal~Signup&window=1d");
  const filters = [{ dimension: "country", operator: "is", values: ["DE"] }] as const;
  const named = { of: "page", value: "/pricing", name: "Prices", filters } as const;
  equal(viewSearch({ ...DEFAULT_VIEW, steps: [named] }), "?step=page~/pricing~name~Prices~if~country!~is!~DE");
  const many = Array.from({ length: 17 }, (_, index) => `step=page~/${index}`);
  deepEqual(readView(`?${many.join("&")}`).dropped, ["step=page~/16"]);
});

test("paths begin or end with a step, and an address that names both has the first", () => {
  deepEqual(readView("?from=page~/&to=page~/b"), { view: { ...DEFAULT_VIEW, from: { of: "page", value: "/" } }, dropped: ["to=page~/b"] });
  const view: View = { ...DEFAULT_VIEW, page: "paths", to: { of: "event", value: "signup" }, depth: 3 };
  equal(viewSearch(view), "?view=paths&to=event~signup&depth=3");
});

test("every dimension that the server answers can be filtered by", () => {
  type Declared = { name: string; sources: object; internal?: boolean; filter_only?: boolean };
  for (const { name, sources, internal, filter_only } of dimensions as Declared[])
    if (Object.keys(sources).length > 0 && !internal && !filter_only)
      deepEqual(readView(`?filter=${name.replace(/:$/, ":plan")}~is~x`).dropped, [], name);
});
