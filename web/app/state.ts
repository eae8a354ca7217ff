import { addDays, addMonths, daysBetween, isDay, monthsBetween } from "../lib/calendar";
import { CONDITIONS_MAX, conditionOf, conditionsIn, filterText, isGroup, joined, parseFilter, partsOf } from "../lib/filter";
import { METRICS, type MetricName } from "../lib/metrics";
import type { Compare, Filter, FilterTree, Granularity, Query } from "../lib/query";
import {
  BRANCHES,
  DEPTHS,
  NODE_KINDS,
  type NodeKinds,
  type Per,
  type Period,
  PERIODS,
  type Repeats,
  type Step,
  STEP_KINDS,
  STEPS_MAX,
  type WindowName,
  WINDOWS,
} from "../lib/step";
import { isDimension } from "../panels/filters/dimensions";
import { PANELS } from "../panels/filters/names";

/** What the dashboard shows, as it stands in the address: a link to it, or the back button, brings the same view again. */
export interface View {
  page: Page;
  range: RangeName | Days;
  compare: Compare | Days | "none";
  /** Whether the other period is moved so that Mondays stand against Mondays. */
  weekdays: "any" | "match";
  filters: readonly FilterTree[];
  /** The name of the segment that is looked at. */
  segment: string | undefined;
  /** Whether all numbers are counted one by one, however long that takes. */
  exact: boolean;
  metric: MetricName;
  /** Undefined: the one that suits the range. */
  granularity: Granularity | undefined;
  /** The tab of a panel, where it isn't the first. */
  tabs: Readonly<Record<string, string>>;
  /** Of the funnel, in their order. */
  steps: readonly Step[];
  window: WindowName;
  per: Per;
  /** The dimension that the funnel is broken down by. */
  breakdown: string | undefined;
  /** The periods of retention. */
  cohort: Period;
  /** What one comes first and again by; undefined: by any session. */
  first: Step | undefined;
  again: Step | undefined;
  /** What the cells of retention show. */
  cells: "rate" | "visitors";
  /** What paths begin or end with; not both. */
  from: Step | undefined;
  to: Step | undefined;
  /** How many nodes of a path, and how many different ones of each step. */
  depth: number;
  branches: number;
  nodes: NodeKinds;
  repeats: Repeats;
  /** How paths are shown. */
  flow: "chart" | "table";
  theme: Theme;
  /** Whether single keys do something. Who dictates to the computer, or has its keys for other things, turns them off (WCAG 2.1.4). */
  keys: "on" | "off";
}

export const PAGES = ["board", "live", "funnel", "retention", "paths", "goals"] as const;
export type Page = (typeof PAGES)[number];

export type Theme = "auto" | "light" | "dark";

/** Days of the site's calendar, both included. */
export interface Days {
  from: string;
  to: string;
}

/** `key`: on the keyboard. */
export const RANGES = [
  { name: "today", label: "Today", key: "D" },
  { name: "yesterday", label: "Yesterday", key: "E" },
  { name: "7d", label: "Last 7 days", key: "W" },
  { name: "30d", label: "Last 30 days", key: "T" },
  { name: "month", label: "This month", key: "M" },
  { name: "12mo", label: "Last 12 months", key: "L" },
  { name: "year", label: "This year", key: "Y" },
  { name: "all", label: "All time", key: "A" },
] as const;
export type RangeName = (typeof RANGES)[number]["name"];

export const COMPARES = [
  { name: "previous_period", label: "Previous period" },
  { name: "previous_year", label: "Previous year" },
  { name: "none", label: "No comparison" },
] as const;

export const DEFAULT_VIEW: View = {
  page: "board",
  range: "30d",
  compare: "previous_period",
  weekdays: "any",
  filters: [],
  segment: undefined,
  exact: false,
  metric: "visitors",
  granularity: undefined,
  tabs: {},
  steps: [],
  window: "7d",
  per: "visitor",
  breakdown: undefined,
  cohort: "week",
  first: undefined,
  again: undefined,
  cells: "rate",
  from: undefined,
  to: undefined,
  depth: 5,
  branches: 8,
  nodes: "pages",
  repeats: "collapse",
  flow: "chart",
  theme: "auto",
  keys: "on",
};

const GRANULARITIES: readonly Granularity[] = ["hour", "day", "week", "month"];
/** What is taken from an address; the server has limits of its own. */
const FILTERS_MAX = 20;
/** The server's own limit, in the letters that it counts, is below. */
const SEGMENT_LENGTH_MAX = 256;

const numberAmong = (list: readonly number[]) => (text: string) => list.find((item) => String(item) === text);

const oneOf = <T extends string>(list: readonly T[], text: string | null): T | undefined => list.find((item) => item === text);

/** Reads the query of an address. What it doesn't understand counts as not said: an old link shows something, never an error. */
export function parseView(search: string): View {
  return readView(search).view;
}

/** As parseView(), with what it left out, as it stood there. Parameters that are not the dashboard's are nobody's mistake. */
export function readView(search: string): { view: View; dropped: string[] } {
  const dropped: string[] = [];
  const parameters = new URLSearchParams(search);
  function read<T>(name: string, parse: (text: string) => T | undefined): T | undefined {
    const text = parameters.get(name);
    const value = text === null ? undefined : parse(text);
    if (text !== null && value === undefined) dropped.push(`${name}=${text}`);
    return value;
  }
  const among =
    <T extends string>(list: readonly T[]) =>
    (text: string) =>
      oneOf(list, text);
  const ranges = RANGES.map(({ name }) => name);
  const compares = COMPARES.map(({ name }) => name);
  const tabs: Record<string, string> = {};
  for (const { id, tabs: known } of PANELS) {
    const tab = read(`tab.${id}`, among(known.map(({ dimension }) => dimension)));
    if (tab !== undefined) tabs[id] = tab;
  }
  const filters: FilterTree[] = [];
  for (const text of parameters.getAll("filter")) {
    const filter = filters.length < FILTERS_MAX ? parseFilter(text, isDimension) : undefined;
    if (filter && conditionsIn([...filters, filter]) <= CONDITIONS_MAX) filters.push(filter);
    else dropped.push(`filter=${text}`);
  }
  const steps: Step[] = [];
  for (const text of parameters.getAll("step")) {
    const step = steps.length < STEPS_MAX ? parseStep(text) : undefined;
    if (step) steps.push(step);
    else dropped.push(`step=${text}`);
  }
  const from = read("from", parseStep);
  const view: View = {
    page: read("view", among(PAGES)) ?? DEFAULT_VIEW.page,
    range: read("range", (text) => oneOf(ranges, text) ?? daysIn(text)) ?? DEFAULT_VIEW.range,
    compare: read("compare", (text) => oneOf(compares, text) ?? daysIn(text)) ?? DEFAULT_VIEW.compare,
    weekdays: read("match", among(["weekday"] as const)) ? "match" : DEFAULT_VIEW.weekdays,
    filters,
    segment: read("segment", (text) => (text !== "" && text.length <= SEGMENT_LENGTH_MAX ? text : undefined)),
    exact: read("exact", among(["1"] as const)) !== undefined,
    metric: read("metric", among(METRICS.map(({ name }) => name))) ?? DEFAULT_VIEW.metric,
    granularity: read("by", among(GRANULARITIES)),
    tabs,
    steps,
    window: read("window", among(WINDOWS.map(({ name }) => name))) ?? DEFAULT_VIEW.window,
    per: read("per", among(["visitor", "session"] as const)) ?? DEFAULT_VIEW.per,
    breakdown: read("breakdown", (text) => (isDimension(text) ? text : undefined)),
    cohort: read("cohort", among(PERIODS)) ?? DEFAULT_VIEW.cohort,
    first: read("first", parseStep),
    again: read("again", parseStep),
    cells: read("cells", among(["rate", "visitors"] as const)) ?? DEFAULT_VIEW.cells,
    from,
    to: read("to", (text) => (from ? undefined : parseStep(text))),
    depth: read("depth", numberAmong(DEPTHS)) ?? DEFAULT_VIEW.depth,
    branches: read("branches", numberAmong(BRANCHES)) ?? DEFAULT_VIEW.branches,
    nodes: read("nodes", among(NODE_KINDS.map(({ name }) => name))) ?? DEFAULT_VIEW.nodes,
    repeats: read("repeats", among(["collapse", "keep"] as const)) ?? DEFAULT_VIEW.repeats,
    flow: read("flow", among(["chart", "table"] as const)) ?? DEFAULT_VIEW.flow,
    theme: read("theme", among(["auto", "light", "dark"] as const)) ?? DEFAULT_VIEW.theme,
    keys: read("keys", among(["on", "off"] as const)) ?? DEFAULT_VIEW.keys,
  };
  return { view, dropped };
}

/** "7d" or "2026-11-01..2026-11-24". */
export function rangeText(range: string | Days): string {
  return typeof range === "string" ? range : `${range.from}..${range.to}`;
}

function daysIn(text: string): Days | undefined {
  const [from = "", to = ""] = text.split("..");
  return isDay(from) && isDay(to) && from <= to ? { from, to } : undefined;
}

/** The query of the address that parseView() reads back, with its question mark; empty where everything is as usual. */
export function viewSearch(view: View): string {
  const pairs: [string, string][] = [];
  if (view.page !== DEFAULT_VIEW.page) pairs.push(["view", view.page]);
  const range = rangeText(view.range);
  if (range !== DEFAULT_VIEW.range) pairs.push(["range", range]);
  if (view.compare !== DEFAULT_VIEW.compare) pairs.push(["compare", rangeText(view.compare)]);
  if (view.weekdays === "match") pairs.push(["match", "weekday"]);
  for (const filter of view.filters) pairs.push(["filter", filterText(filter)]);
  if (view.segment !== undefined) pairs.push(["segment", view.segment]);
  if (view.exact) pairs.push(["exact", "1"]);
  if (view.metric !== DEFAULT_VIEW.metric) pairs.push(["metric", view.metric]);
  if (view.granularity) pairs.push(["by", view.granularity]);
  for (const [panel, tab] of Object.entries(view.tabs)) pairs.push([`tab.${panel}`, tab]);
  for (const step of view.steps) pairs.push(["step", stepText(step)]);
  for (const name of ["window", "per", "cohort", "cells"] as const) if (view[name] !== DEFAULT_VIEW[name]) pairs.push([name, view[name]]);
  if (view.breakdown !== undefined) pairs.push(["breakdown", view.breakdown]);
  if (view.first) pairs.push(["first", stepText(view.first)]);
  if (view.again) pairs.push(["again", stepText(view.again)]);
  if (view.from) pairs.push(["from", stepText(view.from)]);
  else if (view.to) pairs.push(["to", stepText(view.to)]);
  for (const name of ["depth", "branches", "nodes", "repeats", "flow"] as const)
    if (view[name] !== DEFAULT_VIEW[name]) pairs.push([name, String(view[name])]);
  if (view.theme !== "auto") pairs.push(["theme", view.theme]);
  if (view.keys !== "on") pairs.push(["keys", view.keys]);
  // Slashes and commas may stand in a query as they are, and people read addresses.
  const encode = (text: string) => encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%2C", ",").replaceAll("%3A", ":");
  return pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&")}`;
}

/** "page~/pricing", or with a name and conditions "page~/pricing~name~Prices~if~country!~is!~DE". */
function stepText({ of, value, name, filters = [] }: Step): string {
  return joined([of, value, ...(name === undefined ? [] : ["name", name]), ...filters.flatMap((filter) => ["if", filterText(filter)])]);
}

function parseStep(text: string): Step | undefined {
  const [kind = "", value = "", ...rest] = partsOf(text);
  const of = oneOf(STEP_KINDS, kind);
  let name: string | undefined;
  const filters: FilterTree[] = [];
  for (let at = 0; at < rest.length; at += 2) {
    const [what, part = ""] = rest.slice(at, at + 2);
    const filter = what === "if" ? parseFilter(part, isDimension) : undefined;
    if (filter) filters.push(filter);
    else if (what === "name" && part !== "" && name === undefined) name = part;
    else return undefined;
  }
  if (!of || value === "" || filters.length > FILTERS_MAX) return undefined;
  return { of, value, ...(name === undefined ? {} : { name }), ...(filters.length === 0 ? {} : { filters }) };
}

const is = (dimension: string, value: string): Filter => ({ dimension, operator: "is", values: [value] });

/** A click on a row: only this value, or, where it is the filter already, no filter. `within`: what the value says nothing without. */
export function toggleFilter(filters: readonly FilterTree[], dimension: string, value: string, within?: readonly [string, string]): FilterTree[] {
  const isOf = (filter: FilterTree, name: string): filter is Filter => !isGroup(filter) && filter.dimension === name && filter.operator === "is";
  const others = filters.filter((filter) => !isOf(filter, dimension));
  const active = filters.some((filter) => isOf(filter, dimension) && filter.values.length === 1 && filter.values[0] === value);
  if (active) return others;
  const whole = within ? [...others.filter((filter) => !isOf(filter, within[0])), is(...within)] : others;
  return [...whole, is(dimension, value)];
}

/** The buckets that suit a range: some dozens of points. Of all time, one that is as long as the site has events. */
export function suitableGranularity(range: View["range"], past: Days | undefined): Granularity {
  const days = range === "all" ? past : range;
  if (typeof days === "object") {
    const length = daysBetween(days.from, days.to) + 1;
    return length <= 2 ? "hour" : length <= 92 ? "day" : length <= 400 ? "week" : "month";
  }
  if (range === "today" || range === "yesterday") return "hour";
  return range === "12mo" || range === "year" || range === "all" ? "month" : "day";
}

/** What the person may choose from; the rest would be one point, or thousands. */
export function possibleGranularities(range: View["range"], past: Days | undefined): Granularity[] {
  const suitable = suitableGranularity(range, past);
  if (suitable === "hour") return ["hour"];
  if (range === "7d") return ["hour", "day"];
  const days = range === "all" ? past : range;
  const length = typeof days === "object" ? daysBetween(days.from, days.to) + 1 : 0;
  if (length > 92 || suitable === "month") return ["day", "week", "month"];
  return length > 0 && length < 14 ? ["hour", "day"] : ["day", "week"];
}

export function granularityOf(view: View, past: Days | undefined): Granularity {
  return view.granularity && possibleGranularities(view.range, past).includes(view.granularity)
    ? view.granularity
    : suitableGranularity(view.range, past);
}

/** The days of a range, those included that are still to come in its month or year; of all time nobody knows them. */
export function daysOf(range: View["range"], today: string): Days | undefined {
  if (typeof range === "object") return range;
  const month = addMonths(today, 0);
  const monthEnd = addDays(addMonths(today, 1), -1);
  const year = today.slice(0, 4);
  return {
    today: { from: today, to: today },
    yesterday: { from: addDays(today, -1), to: addDays(today, -1) },
    "7d": { from: addDays(today, -6), to: today },
    "30d": { from: addDays(today, -29), to: today },
    month: { from: month, to: monthEnd },
    "12mo": { from: addMonths(today, -11), to: monthEnd },
    year: { from: `${year}-01-01`, to: `${year}-12-31` },
    all: undefined,
  }[range];
}

/** The range before (-1) or after (1): whole months step by months, other days by as many. Undefined where it would begin after today. */
export function stepped(range: View["range"], today: string, by: -1 | 1): View["range"] | undefined {
  const days = daysOf(range, today);
  if (!days) return undefined;
  const after = addDays(days.to, 1);
  const months = days.from.endsWith("-01") && after.endsWith("-01") ? monthsBetween(days.from, after) : 0;
  const length = daysBetween(days.from, after);
  const from = months > 0 ? addMonths(days.from, by * months) : addDays(days.from, by * length);
  const to = addDays(months > 0 ? addMonths(from, months) : addDays(from, length), -1);
  if (from > today) return undefined;
  const named = RANGES.find(({ name }) => {
    const its = daysOf(name, today);
    return its?.from === from && its.to === to;
  });
  return named?.name ?? { from, to };
}

/** The part of every query that comes from the view. `today` is the site's. */
export function baseQuery(siteId: string, view: View, today: string): Pick<Query, "website_id"> & Partial<Query> {
  const range = view.range === "yesterday" ? (daysOf(view.range, today) as Days) : view.range;
  return {
    website_id: siteId,
    ...(typeof range === "string" ? { time_range: range } : { date_range: [range.from, range.to] as const }),
    ...(view.filters.length > 0 ? { filters: view.filters.map((filter) => conditionOf(filter)) } : {}),
    ...(view.segment === undefined ? {} : { segment: view.segment }),
    ...(view.exact ? { exact: true } : {}),
  };
}

const WEEK = 7;
/** As near to a year as whole weeks come. */
const WEEKS_OF_YEAR = 52 * WEEK;

/** What the range is compared with. There is nothing before everything. Where weekdays are to match, whole weeks lie between the two. */
export function comparesOf({ range, compare, weekdays }: View, today: string): Query["compare"] | undefined {
  if (compare === "none" || range === "all") return undefined;
  if (typeof compare === "object") return [compare.from, compare.to];
  const days = daysOf(range, today);
  if (weekdays === "any" || !days) return compare;
  // What is still to come of a month is not compared, as the server does it too.
  const to = days.to < today ? days.to : today;
  const back = compare === "previous_year" ? WEEKS_OF_YEAR : WEEK * Math.ceil((daysBetween(days.from, to) + 1) / WEEK);
  return [addDays(days.from, -back), addDays(to, -back)];
}

/** What the other period is called, behind "the". */
export function againstOf({ compare }: View): string {
  return typeof compare === "object" ? "chosen days" : compare === "previous_year" ? "previous year" : "previous period";
}

/** True while new events can still fall into the range. */
export function isOpen(view: View, today: string): boolean {
  return typeof view.range === "string" ? view.range !== "yesterday" : view.range.to >= today;
}
