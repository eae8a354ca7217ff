import { conditionOf } from "../../lib/filter";
import { visible } from "../../lib/format";
import type { Cell, Conditions, Filter, Query } from "../../lib/query";

/** A panel that ranks the values of a dimension: all there is to know of it is data. */
export interface Ranking {
  id: string;
  title: string;
  tabs: readonly RankingTab[];
  /** Those that are seldom looked at: the tabs after so many are in a menu. */
  shown?: number;
}

export interface RankingTab {
  /** Of the query, and of the tab. */
  dimension: string;
  label: string;
  /** The head of the column of names. */
  column: string;
  /** The first is what it is ranked by. */
  metrics: readonly { name: string; label: string }[];
  /** More of them, for the whole list. */
  details: readonly { name: string; label: string }[];
  /** The dimension without which a value says nothing: "128" is a version of many browsers. */
  within?: string;
  /** What is ranked, where that isn't everything. */
  only?: Filter;
  /** As people call a value. */
  nameOf: (value: string) => string;
  /** Where a value leads out of the dashboard. */
  linkOf?: (value: string, domain: string) => string | undefined;
  /** When nothing was found. */
  empty: string;
}

export const ROWS = 9;

const VISITORS = [{ name: "visitors", label: "Visitors" }] as const;
const DETAILS = [
  ...VISITORS,
  { name: "pageviews", label: "Pageviews" },
  { name: "sessions", label: "Sessions" },
  { name: "bounce_rate", label: "Bounce rate" },
  { name: "session_duration", label: "Duration" },
] as const;

export function tabOf(ranking: Ranking, chosen: string | undefined): RankingTab {
  return ranking.tabs.find(({ dimension }) => dimension === chosen) ?? (ranking.tabs[0] as RankingTab);
}

/** What rows are shares of, whatever they are ranked by: the visitors of the whole view. */
export const SHARED = "visitors";

/** A panel's question: one row more than is shown, to know whether there is more. Shares are of the numbers on top: a total of visitors
 *  is a count of its own, and the dearest part. */
export function rankingQuery(tab: RankingTab, base: Query, limit = ROWS + 1): Query {
  const metrics = tab.metrics.map(({ name }) => name);
  const only = tab.only ? [conditionOf(tab.only)] : [];
  const filters = [...(base.filters ?? []), ...only];
  return {
    ...base,
    metrics,
    dimensions: dimensionsOf(tab),
    ...(filters.length > 0 ? { filters } : {}),
    order_by: [
      [metrics[0] ?? "visitors", "desc"],
      ...dimensionsOf(tab).map((name) => [name, "asc"] as const),
    ],
    limit,
    totals: false,
  };
}

/** The value last. */
export const dimensionsOf = (tab: RankingTab): string[] => (tab.within === undefined ? [tab.dimension] : [tab.within, tab.dimension]);

/** The question of the whole list. */
export function detailsQuery(tab: RankingTab, base: Query, limit: number): Query {
  return rankingQuery({ ...tab, metrics: tab.details }, base, limit);
}

/** Only what meets further conditions. */
export function narrowed(query: Query, conditions: readonly Conditions[]): Query {
  return { ...query, filters: [...(query.filters ?? []), ...conditions] };
}

/** Only the rows whose names contain every word of a text, in whatever case: among all that the server has. */
export function searched(tab: RankingTab, text: string): Conditions[] {
  return text.split(/\s+/).map((word) => {
    const pattern = [`(?i)${word.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&")}`];
    return ["or", dimensionsOf(tab).map((name) => [name, "matches", pattern] as const)];
  });
}

/** Only these rows. A search by the names that people use is one that the server cannot do. */
export function listed(tab: RankingTab, rows: readonly (readonly Cell[])[]): Conditions[] {
  const { dimension, within } = tab;
  if (within === undefined) return [[dimension, "is", rows.map((row) => valueOfRow(tab, row))]];
  // The versions of a browser are one condition: the server has a limit on them.
  const wholes = [...new Set(rows.map((row) => String(row[0] ?? "")))];
  const valuesIn = (whole: string) => rows.filter((row) => String(row[0] ?? "") === whole).map((row) => valueOfRow(tab, row));
  return [["or", wholes.map((whole) => ["and", [[within, "is", [whole]], [dimension, "is", valuesIn(whole)]]] as const)]];
}

/** What a row of an answer is called. */
export function nameOfRow(tab: RankingTab, row: readonly Cell[]): string {
  const value = tab.nameOf(valueOfRow(tab, row));
  if (tab.within === undefined) return value;
  const whole = String(row[0] ?? "");
  return whole === "" ? "Unknown" : `${whole} ${value}`;
}

export const valueOfRow = (tab: RankingTab, row: readonly Cell[]): string => String(row[tab.within === undefined ? 0 : 1] ?? "");

/** Most panels count visitors, and most dimensions are without a value for some. */
export function byVisitors(dimension: string, label: string, column: string, unknown: string, rest: Partial<RankingTab> = {}): RankingTab {
  return { dimension, label, column, metrics: VISITORS, details: DETAILS, nameOf: (value) => visible(value, unknown), empty: "No visits in this period", ...rest };
}

const percent = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Shares of visitors sum to more than 100 % where a visitor has more than one value; none is above it, also where a total is a moment
 *  older than its part. */
export function shareOf(value: number, total: number | null): string {
  if (!total) return "";
  const share = Math.min(100, (100 * value) / total);
  return share > 0 && share < 1 ? "<1\u00a0%" : `${percent.format(share)}\u00a0%`;
}
