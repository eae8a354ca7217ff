// FIXTURE: invented numbers in the shapes of the query interface, the same in every run. Nothing here measures anything.
//
// It refuses what the server refuses (unknown members, metrics, dimensions, ranges, operators), so that a test can't pass with a request
// that the server would not take. The words come from schema/.
import { readFileSync } from "node:fs";

const schema = (name) => JSON.parse(readFileSync(new URL(`../../../schema/${name}.json`, import.meta.url), "utf8"))[name];
const METRICS = new Map(schema("metrics").map((metric) => [metric.name, metric]));
const DIMENSIONS = new Map(schema("dimensions").map((dimension) => [dimension.name, dimension]));
const declared = (name) => DIMENSIONS.get(name.replace(/^property:.+/s, "property:"));
const MEMBERS = [
  "website_id",
  "metrics",
  "dimensions",
  "date_range",
  "time_range",
  "granularity",
  "filters",
  "segment",
  "order_by",
  "totals",
  "limit",
  "offset",
  "compare",
  "include_bots",
  "exact",
  "explain",
];
const OPERATORS = ["is", "is_not", "contains", "contains_not", "matches", "matches_not", "gt", "lt", "between", "is_set", "has_done", "has_not_done"];

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A number from 0 to 1 that depends on the text only. */
export function chance(text) {
  let hash = 2_166_136_261;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_519);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

export const VALUES = {
  page: [
    ["/", 100],
    ["/pricing", 46],
    ["/docs/getting-started", 39],
    ["/blog/why-we-left-the-big-analytics-suite-and-what-we-learned-in-the-first-year-after", 33],
    ["/docs/api", 21],
    ["/features", 18],
    ["/blog", 15],
    ["/about", 9],
    ["/docs/self-hosting/reverse-proxy", 7],
    ["/changelog", 5],
    ["/contact", 4],
    ["/blog/\u0645\u0631\u062d\u0628\u0627", 3],
    ["/legal/privacy", 2],
  ],
  entry_page: [
    ["/", 100],
    ["/blog/why-we-left-the-big-analytics-suite-and-what-we-learned-in-the-first-year-after", 41],
    ["/docs/getting-started", 30],
    ["/pricing", 17],
    ["/docs/api", 12],
    ["/blog", 8],
    ["/features", 6],
  ],
  exit_page: [
    ["/pricing", 100],
    ["/", 83],
    ["/docs/getting-started", 45],
    ["/contact", 30],
    ["/docs/api", 22],
    ["/blog", 8],
  ],
  source: [
    ["Google", 100],
    ["", 71],
    ["Hacker News", 38],
    ["GitHub", 22],
    ["Bing", 11],
    ["DuckDuckGo", 10],
    ["Reddit", 9],
    ["Mastodon", 6],
    ["news.example", 4],
    ["Ecosia", 3],
    ["LinkedIn", 2],
  ],
  channel: [
    ["Organic Search", 100],
    ["Direct", 64],
    ["Referral", 51],
    ["Organic Social", 20],
    ["Email", 8],
    ["Paid Search", 4],
  ],
  referrer: [
    ["https://www.google.com/", 100],
    ["", 71],
    ["https://news.ycombinator.com/item?id=41234567", 38],
    ["https://github.com/footfall/footfall", 22],
    ["javascript:alert(1)", 3],
    ["https://mastodon.example/@someone/<b>x</b>", 2],
  ],
  campaign: [
    ["autumn-launch", 40],
    ["newsletter-2026-11", 22],
    ["partner", 5],
  ],
  country: [
    ["DE", 100],
    ["US", 82],
    ["GB", 41],
    ["FR", 33],
    ["NL", 21],
    ["IN", 19],
    ["CA", 15],
    ["BR", 12],
    ["AU", 9],
    ["JP", 8],
    ["PL", 7],
    ["ES", 7],
    ["IT", 6],
    ["SE", 5],
    ["ZA", 3],
    ["SG", 2],
    ["", 2],
    ["NZ", 1],
  ],
  region: [
    ["Bavaria", 40],
    ["California", 36],
    ["Berlin", 35],
    ["England", 30],
    ["\u00cele-de-France", 22],
    ["North Holland", 12],
  ],
  city: [
    ["Berlin", 35],
    ["Munich", 28],
    ["London", 26],
    ["Paris", 21],
    ["San Francisco", 17],
    ["Amsterdam", 12],
    ["", 8],
  ],
  device_type: [
    ["desktop", 100],
    ["mobile", 74],
    ["tablet", 9],
    ["tv", 1],
  ],
  browser: [
    ["Chrome", 100],
    ["Safari", 44],
    ["Firefox", 31],
    ["Edge", 16],
    ["Samsung Internet", 5],
    ["Opera", 2],
  ],
  os: [
    ["Windows", 70],
    ["macOS", 44],
    ["iOS", 40],
    ["Android", 36],
    ["Linux", 25],
    ["ChromeOS", 2],
  ],
  title: [
    ["Footfall: web analytics of your own", 100],
    ["Pricing", 46],
    ["Getting started", 39],
    ["", 3],
  ],
  hostname: [
    ["demo.example", 100],
    ["www.demo.example", 12],
  ],
  medium: [
    ["email", 22],
    ["cpc", 9],
  ],
  term: [["web analytics", 6]],
  content: [],
  language: [
    ["de-DE", 60],
    ["en-US", 55],
    ["pt-BR", 9],
    ["", 4],
  ],
  browser_version: [
    ["Chrome", "128", 60],
    ["Chrome", "127", 40],
    ["Safari", "17", 30],
    ["Firefox", "128", 20],
    ["Firefox", "", 2],
  ],
  os_version: [
    ["Windows", "10", 60],
    ["macOS", "14.5", 40],
  ],
  screen_class: [
    ["desktop", 60],
    ["laptop", 40],
    ["mobile", 30],
  ],
  goal: [
    ["Newsletter", 40],
    ["Signup", 24],
  ],
  event_name: [
    ["signup", 24],
    ["download", 19],
    ["newsletter: subscribe", 11],
    ["video play", 8],
  ],
};

const offsets = new Map();

/** Zones change their offset at full hours at most, so an hour has one; asked once, since a year has many. */
function offsetMs(zone, ms) {
  const hour = Math.floor(ms / HOUR) * HOUR;
  const key = `${zone} ${hour}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    const part = Object.fromEntries(
      formatOf(zone)
        .formatToParts(hour)
        .map(({ type, value }) => [type, value]),
    );
    offset = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - hour;
    offsets.set(key, offset);
  }
  return offset;
}

const formats = new Map();

function formatOf(zone) {
  const digits = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", ...digits }));
  return formats.get(zone);
}

function instantText(zone, ms) {
  const offset = offsetMs(zone, ms);
  const sign = offset < 0 ? "-" : "+";
  const minutes = Math.abs(offset) / 60_000;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  return `${new Date(ms + offset).toISOString().slice(0, 19)}${sign}${two(minutes / 60)}:${two(minutes % 60)}`;
}

export const dayOf = (zone, ms) => instantText(zone, ms).slice(0, 10);
export const addDays = (day, days) => new Date(Date.parse(day) + days * DAY).toISOString().slice(0, 10);
function startOf(zone, day) {
  const guess = Date.parse(day);
  return guess - offsetMs(zone, guess - offsetMs(zone, guess));
}

export class Refusal extends Error {
  constructor(code, field, message) {
    super(message);
    Object.assign(this, { code, field });
  }
}

export function rangeOf(query, zone, now) {
  const today = dayOf(zone, now);
  const month = (back) => {
    const [year, number] = today.split("-").map(Number);
    return new Date(Date.UTC(year, number - 1 - back, 1)).toISOString().slice(0, 10);
  };
  const first = {
    today,
    "7d": addDays(today, -6),
    "30d": addDays(today, -29),
    month: month(0),
    "6mo": month(5),
    "12mo": month(11),
    year: `${today.slice(0, 4)}-01-01`,
    all: "1970-01-01",
  };
  if (query.date_range) return [query.date_range[0], query.date_range[1]];
  const name = query.time_range ?? "30d";
  if (!(name in first)) throw new Refusal("unknown_time_range", "time_range", `there is no time range '${name}'`);
  return [first[name], today];
}

/** The tests of a filter, which may be an "or" of some; of other groups nothing is told. */
const testsOf = (filter) => (filter[0] === "or" ? filter[1].filter(([name]) => !GROUPS.includes(name)) : GROUPS.includes(filter[0]) ? [] : [filter]);
const DOINGS = ["has_done", "has_not_done"];
const GROUPS = ["and", "or", "not", ...DOINGS];
/** Dimensions that sessions alone have. */
const OF_SESSIONS = ["source", "channel", "entry_page", "exit_page"];

/** Whether a value of a dimension passes the filters that are about it. */
function passes(filters, dimension, value) {
  return filters.every((filter) => {
    const tests = testsOf(filter).filter(([name]) => name === dimension);
    return tests.length === 0 || tests.some((test) => holds(test, value)) || tests.length < testsOf(filter).length;
  });
}

function holds([, operator, values], value) {
  const some = {
    is: (wanted) => value === wanted,
    contains: (wanted) => value.includes(wanted),
    matches: (pattern) => new RegExp(pattern.replace("(?i)", ""), "i").test(value),
  }[operator.replace("_not", "")];
  if (operator === "is_set") return (values ?? true) === (value !== "");
  return some === undefined || values.some(some) !== operator.endsWith("_not");
}

export function checkMembers(query, members) {
  for (const member of Object.keys(query))
    if (!members.includes(member)) throw new Refusal("unknown_member", member, `there is no member '${member}'`);
}

const DEPTH_MAX = 8;

/** With the places that the server names. */
export function checkFilters(filters = [], field = "filters", depth = 1) {
  for (const [index, filter] of filters.entries()) checkFilter(filter, `${field}[${index}]`, depth);
}

function checkFilter([dimension, operator, values, ...more], field, depth) {
  if (depth > DEPTH_MAX) throw new Refusal("limit_exceeded", field, "at most 8 levels of filters are allowed");
  if (dimension === "not") return checkFilter(operator, `${field}[1]`, depth + 1);
  if (GROUPS.includes(dimension)) {
    if (operator.length === 0) throw new Refusal("invalid_filter", field, "and, or hold at least one filter, not exactly one");
    checkFilters(operator, `${field}[1]`, depth + 1);
    if (DOINGS.includes(dimension)) checkDoing(operator, field);
    return;
  }
  checkDimension(dimension, `${field}[0]`);
  if (dimension === "goal" && ["gt", "lt", "between"].includes(operator)) throw new Refusal("unsupported_operator", `${field}[1]`, "goals are names, not numbers");
  if (!OPERATORS.includes(operator)) throw new Refusal("unknown_operator", `${field}[1]`, `there is no operator '${operator}'`);
  if (more.length > 0 || (operator === "is_set" ? ![undefined, false].includes(values) : values === undefined))
    throw new Refusal("invalid_filter", field, "a filter has values, or is is_set");
  if (operator.startsWith("matches")) for (const pattern of values) checkPattern(pattern, `${field}[2]`);
  if (["gt", "lt", "between"].includes(operator) && !declared(dimension).granularity)
    for (const value of values)
      if (!Number.isFinite(Number(value))) throw new Refusal("invalid_value", `${field}[2]`, `'${value}' is no number; gt, lt and between compare numbers`);
}

/** What was done is of one event, or of one session. */
function checkDoing(filters, field) {
  const all = filters.flatMap(function tests([first, second]) {
    return first === "not" ? tests(second) : GROUPS.includes(first) ? [first, ...second.flatMap(tests)] : [second, first];
  });
  if (all.some((word) => DOINGS.includes(word))) throw new Refusal("unsupported_filter", field, "'has_done' and 'has_not_done' do not hold one another");
  if (filters.some(([name]) => OF_SESSIONS.includes(name)) && filters.some(([name]) => !OF_SESSIONS.includes(name)))
    throw new Refusal("unsupported_filter", field, "one 'has_done' asks for what events have, or for what sessions have, not for both");
}

function checkPattern(pattern, field) {
  try {
    new RegExp(pattern.replace("(?i)", ""));
  } catch {
    throw new Refusal("invalid_pattern", field, "not a valid RE2 pattern: missing ): (");
  }
}

export function checkSegmentOf({ segment }, site) {
  if (segment === undefined || site.segments.some(({ name }) => name === segment)) return;
  const near = site.segments.find(({ name }) => name.toLowerCase() === segment.toLowerCase())?.name;
  throw Object.assign(new Refusal("unknown_segment", "segment", `the site has no segment '${segment}'`), { near });
}

export function checkDimension(name, field) {
  if (!declared(name)) throw new Refusal("unknown_dimension", field, `there is no dimension '${name}'`);
}

function check(query) {
  checkMembers(query, MEMBERS);
  for (const [index, name] of query.metrics.entries())
    if (!METRICS.has(name)) throw new Refusal("unknown_metric", `metrics[${index}]`, `there is no metric '${name}'`);
  for (const [index, name] of (query.dimensions ?? []).entries()) checkDimension(name, `dimensions[${index}]`);
  checkFilters(query.filters);
  for (const [index, [name]] of (query.order_by ?? []).entries())
    if (!query.metrics.includes(name) && !query.dimensions?.includes(name))
      throw new Refusal("unknown_order", `order_by[${index}][0]`, `'${name}' is not asked for`);
  if (query.limit !== undefined && (query.limit < 1 || query.limit > 10_000))
    throw new Refusal("out_of_range", "limit", "'limit' must be an integer from 1 to 10000");
  if (query.compare !== undefined && !Array.isArray(query.compare) && !["previous_period", "previous_year"].includes(query.compare))
    throw new Refusal("unknown_compare", "compare", `cannot compare with '${query.compare}'`);
}

/** What a site had in an hour, before filters. */
function hourly(site, ms, zone) {
  if (ms < Date.parse(site.since) || site.events === 0) return 0;
  const local = new Date(ms + offsetMs(zone, ms));
  const weekend = [0, 6].includes(local.getUTCDay()) ? 0.62 : 1;
  const clock = 0.35 + 0.65 * Math.max(0, Math.sin(((local.getUTCHours() - 5) / 19) * Math.PI));
  const launch = local.toISOString().slice(0, 10) === "2026-11-10" ? 2.1 : 1;
  const growth = 1 + (ms - Date.parse("2026-01-01")) / (700 * DAY);
  return site.size * weekend * clock * launch * growth * (0.8 + 0.4 * chance(`${site.id}${ms}`));
}

function measures(weight, seed, names) {
  const visitors = Math.round(weight);
  const sessions = Math.round(weight * (1.14 + 0.1 * chance(`${seed}s`)));
  const pageviews = Math.round(weight * (2.3 + 0.7 * chance(`${seed}p`)));
  const ratio = (value) => (sessions === 0 ? null : value);
  const all = {
    visitors,
    sessions,
    pageviews,
    events: Math.round(weight * 1.2),
    views_per_session: ratio(sessions && pageviews / sessions),
    bounce_rate: ratio(38 + 12 * chance(`${seed}b`)),
    session_duration: ratio(95 + 110 * chance(`${seed}d`)),
    conversions: Math.round(sessions * 0.12),
    conversion_rate: ratio(2 + 6 * chance(`${seed}c`)),
    converted_visitors: Math.round(visitors * 0.11),
  };
  return names.map((name) => all[name] ?? null);
}

function period(site, query, [first, last], until, factor) {
  const zone = site.timezone;
  const from = startOf(zone, first);
  const to = startOf(zone, addDays(last, 1));
  const dimension = query.dimensions?.[0];
  const buckets = new Map();
  let sum = 0;
  for (let at = Math.max(from, Date.parse(site.since)); at < Math.min(to, until); at += HOUR) {
    const weight = hourly(site, at, zone) * factor * (at + HOUR > until ? (until - at) / HOUR : 1);
    const day = dayOf(zone, at);
    const monday = addDays(day, -((new Date(day).getUTCDay() + 6) % 7));
    const key = { hour: instantText(zone, at), date: day, week: monday, month: `${day.slice(0, 7)}-01` }[dimension] ?? "";
    buckets.set(key, (buckets.get(key) ?? 0) + weight);
    sum += weight;
  }
  const seed = `${site.id}${first}${JSON.stringify(query.filters ?? "")}`;
  // Distinct visitors of a period are fewer than the sum over its days.
  const distinct = first === last ? sum : sum * 0.72;
  const totals = Object.fromEntries(measures(distinct, seed, query.metrics).map((value, index) => [query.metrics[index], value]));
  if (dimension === undefined) return { rows: [query.metrics.map((name) => totals[name])], totals };
  const ranked = query.dimensions?.at(-1);
  if (ranked in VALUES) {
    const names = query.dimensions;
    const values = VALUES[ranked].filter((value) => names.every((name, index) => passes(query.filters ?? [], name, value[index])));
    const whole = VALUES[ranked].reduce((all, value) => all + value.at(-1), 0);
    const rows = values
      .map((value) => [
        ...value.slice(0, -1),
        ...measures((distinct * value.at(-1) * (ranked === "event_name" ? 0.3 : 1)) / whole, seed + value.slice(0, -1), query.metrics),
      ])
      .filter((row) => row[names.length] > 0);
    return { rows: rows.sort((a, b) => b[names.length] - a[names.length]).slice(0, query.limit ?? 100), totals: query.totals === false ? null : totals };
  }
  // The server answers only buckets with data.
  const rows = [...buckets].filter(([, weight]) => weight >= 0.5).map(([key, weight]) => [key, ...measures(weight, seed + key, query.metrics)]);
  return { rows: rows.slice(0, query.limit ?? 100), totals };
}

/** What an answer says of itself. */
export function metaOf(query, site, range, now, selected, grouped) {
  return {
    source: "events",
    sample_rate: 1,
    confidence: null,
    cached: false,
    took_ms: 3.1,
    rows_read: 128_344,
    as_of: new Date(now).toISOString(),
    range: {
      from: instantText(site.timezone, startOf(site.timezone, range[0])),
      to: instantText(site.timezone, startOf(site.timezone, addDays(range[1], 1))),
      timezone: site.timezone,
    },
    sql: query.explain
      ? `SELECT ${selected.join(", ")}\nFROM footfall.events\nWHERE website_id = {site:String} AND timestamp >= {from:DateTime64(3)} AND timestamp < {to:DateTime64(3)}\nGROUP BY ${grouped.join(", ")}\nLIMIT ${query.limit ?? 100}`
      : null,
    ...(query.explain
      ? {
          parameters: { site: site.id, from: "2026-10-25 23:00:00.000", to: "2026-11-24 23:00:00.000" },
          plan: ["read from events: the only table with every dimension", `by the clock of ${site.timezone}`],
          rows_to_read: 130_000,
        }
      : {}),
  };
}

/** An answer as an estimate from one visitor in ten: each number may be off by a tenth, and of those below 100 nothing is known. */
export function sampled(given) {
  if (given.error) return given;
  const intervalOf = (value) => (typeof value === "number" && value >= 100 ? [0.9 * value, 1.1 * value] : null);
  const dimensions = given.columns.filter(({ role }) => role === "dimension").length;
  const saidOf = ({ rows, totals }) => ({
    sample_rate: 0.1,
    confidence: {
      level: 0.95,
      rows: rows.map((row) => row.slice(dimensions).map(intervalOf)),
      totals: totals && Object.fromEntries(Object.entries(totals).map(([name, value]) => [name, intervalOf(value)])),
    },
  });
  return { ...given, comparison: given.comparison && { ...given.comparison, ...saidOf(given.comparison) }, meta: { ...given.meta, ...saidOf(given) } };
}

/** An answer whose visitors come from sketches of closed days, unless the query says exact: all else, and fewer than 495 of them, is counted. */
export function sketched(given, query) {
  if (given.error || query.exact || !given.columns?.some(({ name }) => SKETCHES.includes(name))) return given;
  const names = given.columns.filter(({ role }) => role === "metric").map(({ name }) => name);
  const ends = (name, value) =>
    value === null ? null : SKETCHES.includes(name) && value >= 495 ? [Math.floor(0.984124 * value), Math.ceil(1.015876 * value)] : [value, value];
  const dimensions = given.columns.length - names.length;
  const confidenceOf = ({ rows, totals }) => ({
    level: 0.95,
    rows: rows.map((row) => row.slice(dimensions).map((value, index) => ends(names[index], value))),
    totals: totals && Object.fromEntries(Object.entries(totals).map(([name, value]) => [name, ends(name, value)])),
  });
  return {
    ...given,
    comparison: given.comparison && { ...given.comparison, sample_rate: 1, confidence: confidenceOf(given.comparison) },
    meta: { ...given.meta, source: "mixed", confidence: confidenceOf(given) },
  };
}

const SKETCHES = ["visitors", "converted_visitors"];

/** The answer to one query, or {error}. */
export function answer(query, site, now) {
  try {
    check(query);
    checkSegmentOf(query, site);
    const range = rangeOf(query, site.timezone, now);
    const factor = (query.filters ?? [])
      .filter(([, operator]) => operator !== "is_set" && Array.isArray(operator) === false)
      .reduce((all, filter) => all * (0.12 + 0.3 * chance(JSON.stringify(filter))), query.segment === undefined ? 1 : 0.21);
    const current = period(site, query, range, now, factor);
    const days = Math.round((Date.parse(range[1]) - Date.parse(range[0])) / DAY) + 1;
    let comparison = null;
    if (query.compare) {
      if (query.time_range === "all") throw new Refusal("unsupported_compare", "compare", "there is no period before 'all'");
      const own = Array.isArray(query.compare);
      const back = own ? Math.round((Date.parse(range[0]) - Date.parse(query.compare[0])) / DAY) : query.compare === "previous_year" ? 364 : days;
      const other = own ? query.compare : [addDays(range[0], -back), addDays(range[1], -back)];
      // As much of it as of the range itself, where that is not over.
      const today = dayOf(site.timezone, now);
      const end = startOf(site.timezone, addDays(other[1], 1));
      const cut = today > range[1] ? end : startOf(site.timezone, addDays(today, -back)) + now - startOf(site.timezone, today);
      comparison = {
        from: instantText(site.timezone, startOf(site.timezone, other[0])),
        to: instantText(site.timezone, Math.min(end, cut)),
        ...period(site, query, other, Math.min(end, cut), factor * 0.9),
      };
    }
    const column = (name, role, declared) => ({ name, type: declared.type, role });
    return {
      columns: [
        ...(query.dimensions ?? []).map((name) => column(name, "dimension", declared(name))),
        ...query.metrics.map((name) => column(name, "metric", METRICS.get(name))),
      ],
      ...current,
      comparison,
      meta: metaOf(query, site, range, now, [...(query.dimensions ?? []), "uniqExact(visitor_id) AS visitors"], query.dimensions ?? ["()"]),
    };
  } catch (error) {
    if (error instanceof Refusal) return { error: { code: error.code, field: error.field, message: error.message, ...(error.near ? { did_you_mean: error.near } : {}) } };
    throw error;
  }
}

/** The first of a dimension's values, as if its visitors were there now. */
function liveRows(dimension, visitors) {
  const whole = VALUES[dimension].reduce((all, [, weight]) => all + weight, 0);
  return VALUES[dimension].map(([name, weight]) => ({ name, visitors: Math.round((visitors * weight) / whole) })).filter((row) => row.visitors > 0);
}

/** A live message about the 30 minutes before now. */
export function liveMessage(site, now, type) {
  const minute = Math.floor(now / 60_000) * 60_000;
  const minutes = Array.from({ length: 30 }, (_, index) => {
    const at = minute - (29 - index) * 60_000;
    const pageviews = Math.round((site.events === 0 ? 0 : site.size / 4) * (0.3 + chance(`${site.id}${at}`)));
    return { minute: new Date(at).toISOString(), pageviews, events: pageviews, visitors: Math.ceil(pageviews * 0.6) };
  });
  const active = site.events === 0 ? 0 : Math.round(site.size / 2.4);
  return {
    type,
    as_of: new Date(now).toISOString(),
    active_visitors: active,
    minutes,
    pages: liveRows("page", active * 1.3),
    sources: liveRows("source", active),
    countries: liveRows("country", active),
    events: liveRows("event_name", active * 0.3),
  };
}
