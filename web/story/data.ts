import type { Reply } from "../app/board";
import type { Snapshot } from "../app/live";
import { addDays } from "../lib/calendar";
import { METRICS } from "../lib/metrics";
import type { Answer, Cell, Meta } from "../lib/query";

/** Fixed data, made up for the story page: numbers at the edges of what a panel must bear. */

const AS_OF = "2026-11-24T12:34:00Z";

export const meta = (rest: Partial<Meta> = {}): Meta => ({
  source: "events",
  sample_rate: 1,
  confidence: null,
  cached: false,
  took_ms: 3.2,
  rows_read: 128_344,
  as_of: AS_OF,
  range: { from: "2026-11-11T00:00:00+01:00", to: "2026-11-25T00:00:00+01:00", timezone: "Europe/Berlin" },
  sql: null,
  ...rest,
});

export const loading: Reply = { answer: undefined, error: undefined, waiting: true, query: undefined, about: "" };
export const failed: Reply = {
  answer: undefined,
  error: { code: "timeout", message: "The store did not answer within 30 s." },
  waiting: false,
  query: undefined,
  about: "",
};
export const ready = (answer: Answer): Reply => ({ answer, error: undefined, waiting: false, query: undefined, about: "" });
export const stale = (answer: Answer): Reply => ({ ...ready(answer), waiting: true });
export const failedLater = (answer: Answer): Reply => ({ ...ready(answer), error: { code: "", message: "The server does not answer." } });

export function ranking(dimension: string, rows: Cell[][], metrics = ["visitors"], rest: Partial<Meta> = {}): Answer {
  return {
    columns: [{ name: dimension, type: "string", role: "dimension" }, ...metrics.map((name) => ({ name, type: "integer", role: "metric" as const }))],
    rows,
    totals: { visitors: rows.reduce((sum, row) => sum + Number(row[1 + metrics.indexOf("visitors")]), 0) },
    comparison: null,
    meta: meta(rest),
  };
}

export const pageRows: Cell[][] = [
  ["/", 8_949],
  ["/pricing", 4_116],
  ["/a/path/so/long/that/no/column/of/any/screen/could/ever/hold/it/and/that/must/be/cut/at/its/end/without/moving/the/numbers", 3_490],
  ["/%D9%85%D8%B1%D8%AD%D8%A8%D8%A7/\u0645\u0631\u062d\u0628\u0627", 2_953],
  ["/<img src=x onerror=alert(1)>", 1_879],
  ["/\u4f60\u597d/\u4e16\u754c", 1_611],
  ["", 1_342],
  ["/about", 805],
  ["/one-of-many", 1],
  ["/one-more", 1],
];

export const hugeRows: Cell[][] = [
  ["/", 1_234_567_890],
  ["/pricing", 98_765_432],
  ["/docs", 1_000_000],
  ["/small", 999_999],
];

export const countries: Cell[][] = [
  ["DE", 7_245],
  ["US", 5_941],
  ["GB", 2_971],
  ["FR", 2_391],
  ["NL", 1_522],
  ["IN", 1_377],
  ["CA", 1_087],
  ["BR", 869],
  ["AU", 652],
  ["", 40],
];

const totals = { visitors: 27_025, sessions: 31_704, pageviews: 72_801, views_per_session: 2.296, bounce_rate: 42.31, session_duration: 201.4 };
const before = { visitors: 22_520, sessions: 34_000, pageviews: 72_801, views_per_session: 0, bounce_rate: 41.7, session_duration: 250 };

export function headline(rest: { totals?: Answer["totals"]; otherTo?: string; compare?: boolean; meta?: Partial<Meta> } = {}): Answer {
  const other = { from: "2026-10-28T00:00:00+01:00", to: rest.otherTo ?? "2026-11-11T00:00:00+01:00", rows: [], totals: before };
  return {
    columns: METRICS.map(({ name }) => ({ name, type: "number", role: "metric" })),
    rows: [],
    totals: rest.totals ?? totals,
    comparison: rest.compare === false ? null : other,
    meta: meta(rest.meta),
  };
}

/** Two weeks, the last day of which runs. `holes` are days without a row. */
export function timeline({ holes = [] as number[], days = 14, scale = 1, compare = true } = {}): Answer {
  const first = addDays("2026-11-24", 1 - days);
  const rows = (start: string, lift: number): Cell[][] =>
    Array.from({ length: days }, (_, index) => {
      const visitors = Math.round(scale * lift * (900 + 350 * Math.sin(index * 0.9) + 40 * index));
      return [
        addDays(start, index),
        visitors,
        Math.round(visitors * 1.2),
        visitors * 3,
        2.1 + (index % 3) / 10,
        40 + 6 * Math.sin(index),
        90 + 20 * (index % 5),
      ];
    });
  const otherFirst = addDays(first, -days);
  return {
    columns: [{ name: "date", type: "date", role: "dimension" }, ...METRICS.map(({ name }) => ({ name, type: "number", role: "metric" as const }))],
    rows: rows(first, 1).filter((_, index) => !holes.includes(index)),
    totals,
    comparison: compare ? { from: `${otherFirst}T00:00:00+01:00`, to: `${first}T00:00:00+01:00`, rows: rows(otherFirst, 0.8), totals: before } : null,
    meta: meta({ range: { from: `${first}T00:00:00+01:00`, to: "2026-11-25T00:00:00+01:00", timezone: "Europe/Berlin" } }),
  };
}

/** As an estimate of one visitor in so many. Of small numbers, as of the sample's few visitors, nothing more is known. */
export function sampled(answer: Answer, rate = 0.1): Answer {
  const intervalOf = (value: Cell | undefined) => (typeof value === "number" && value >= 30 ? ([value * 0.92, value * 1.08] as const) : null);
  const confidenceOf = ({ rows, totals: all }: Pick<Answer, "rows" | "totals">) => ({
    level: 0.95,
    rows: rows.map((row) => row.slice(answer.columns.filter(({ role }) => role === "dimension").length).map(intervalOf)),
    totals: all && Object.fromEntries(Object.entries(all).map(([name, value]) => [name, intervalOf(value ?? undefined)])),
  });
  return {
    ...answer,
    comparison: answer.comparison && { ...answer.comparison, sample_rate: rate, confidence: confidenceOf(answer.comparison) },
    meta: { ...answer.meta, sample_rate: rate, confidence: confidenceOf(answer) },
  };
}

export const snapshot: Snapshot = {
  sample_rate: 1,
  as_of: AS_OF,
  active_visitors: 24,
  minutes: Array.from({ length: 30 }, (_, index) => ({
    minute: new Date(Date.parse("2026-11-24T12:05:00Z") + index * 60_000).toISOString(),
    pageviews: (index * 7) % 13,
    events: 0,
    visitors: Math.min(1 + (index % 5), (index * 7) % 13),
  })),
  pages: pageRows.slice(0, 8).map(([name], index) => ({ name: String(name), visitors: 12 - index })),
  sources: [
    { name: "", visitors: 13 },
    { name: "Google", visitors: 9 },
    { name: "Hacker News", visitors: 2 },
  ],
  countries: countries.slice(0, 5).map(([name], index) => ({ name: String(name), visitors: 9 - index })),
  events: [],
};

export const nobody: Snapshot = {
  ...snapshot,
  active_visitors: 0,
  minutes: snapshot.minutes.map((minute) => ({ ...minute, pageviews: 0, visitors: 0 })),
  pages: [],
  sources: [],
  countries: [],
};
