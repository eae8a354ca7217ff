/** The query interface (POST /api/v1/query and /batch): what is asked and what comes back. */

/** Those of the query interface, and `is_not_set`, which it writes as `is_set` with false. */
export const OPERATORS = [
  "is",
  "is_not",
  "contains",
  "contains_not",
  "matches",
  "matches_not",
  "gt",
  "lt",
  "between",
  "is_set",
  "is_not_set",
  "has_done",
  "has_not_done",
] as const;
export type Operator = (typeof OPERATORS)[number];

/** A condition of the person who looks; `is_set` and `is_not_set` have no values. */
export interface Filter {
  dimension: string;
  operator: Operator;
  values: readonly string[];
}

/** Conditions of which all must hold, or one, or the only one may not; or that one thing which the visitor did met all of, or none did. */
export interface FilterGroup {
  group: "and" | "or" | "not" | "has_done" | "has_not_done";
  filters: readonly FilterTree[];
}

export type FilterTree = Filter | FilterGroup;

export type Compare = "previous_period" | "previous_year";
export type Granularity = "hour" | "day" | "week" | "month";

export type Condition = readonly [string, Operator, readonly string[]] | readonly [string, "is_set"] | readonly [string, "is_set", boolean];
export type Conditions = Condition | readonly [Exclude<FilterGroup["group"], "not">, readonly Conditions[]] | readonly ["not", Conditions];

export interface Query {
  website_id: string;
  metrics: readonly string[];
  dimensions?: readonly string[];
  date_range?: readonly [string, string];
  time_range?: string;
  filters?: readonly Conditions[];
  /** The name of one of the site's segments: its filters hold too. */
  segment?: string;
  order_by?: readonly (readonly [string, "asc" | "desc"])[];
  limit?: number;
  /** Off: they are null, and are not counted. */
  totals?: boolean;
  /** Or the first and the last day of the other range. */
  compare?: Compare | readonly [string, string];
  /** Neither from a sample nor from sketches. */
  exact?: boolean;
  explain?: boolean;
}

export type Cell = string | number | boolean | null;

export interface Column {
  name: string;
  type: string;
  role: "dimension" | "metric";
}

export type Totals = Record<string, number | null>;

/** Both ends; texts of an amount of money. */
export type Interval = readonly [number | string, number | string];

/** Of an estimate, of the metrics alone, in the order of their columns: null where too few visitors of a sample say how far a number is
 *  off. Of an answer from sketches, what is exact has itself at both ends. */
export interface Confidence {
  level: number;
  rows: (Interval | null)[][];
  totals: Record<string, Interval | null> | null;
}

/** Of which share of the visitors numbers are an estimate, and how far they may be off: 1 where all were read, as in servers that know no
 *  other. There they are an estimate where `confidence` says so: visitors of closed days, which are put together from sketches. */
export interface Sampling {
  sample_rate?: number;
  confidence?: Confidence | null;
}

export interface Meta extends Sampling {
  source: string;
  sample_rate: number;
  confidence: Confidence | null;
  cached: boolean;
  took_ms: number;
  rows_read: number;
  /** Everything acknowledged before this instant is counted. */
  as_of: string;
  /** First instant, and the first one after; written in the site's zone. */
  range?: { from: string; to: string; timezone: string };
  sql: string | null;
  parameters?: Record<string, string>;
  plan?: string[];
  rows_to_read?: number;
  /** The first day of which events are kept, where the question needs earlier ones. */
  events_from?: string;
  /** How many days that were summed up, and whose events are gone, the answer lacks. */
  days_missing?: number;
}

export interface Answer {
  columns: Column[];
  rows: Cell[][];
  /** Null where the query turned them off. */
  totals: Totals | null;
  /** Rows are the other period's own, in the same order and columns; they are not matched to the current ones. */
  comparison: (Sampling & { from: string; to: string; rows: Cell[][]; totals: Totals | null }) | null;
  meta: Meta;
}

export interface Problem {
  code: string;
  field?: string;
  message: string;
  did_you_mean?: string;
}

export type BatchAnswer = Answer | { error: Problem };

export function isProblem(answer: BatchAnswer): answer is { error: Problem } {
  return "error" in answer;
}

/** The place of a column in each row, or -1. */
export function columnOf(answer: Pick<Answer, "columns">, name: string): number {
  return answer.columns.findIndex((column) => column.name === name);
}
