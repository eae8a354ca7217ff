import { askOne } from "./ask";
import type { OnProgress } from "./progress";
import type { Cell, Meta, Query } from "./query";
import { type Period, type Step, type StepRequest, stepRequest } from "./step";

/** What POST /api/v1/retention takes. */
export interface RetentionRequest extends Pick<Query, "website_id" | "date_range" | "time_range" | "filters" | "segment"> {
  granularity: Period;
  first?: StepRequest;
  again?: StepRequest;
  explain?: boolean;
}

export interface Cohort {
  /** Its first day. */
  date: string;
  visitors: number;
  /** The first is the cohort itself. */
  periods: { visitors: number; rate: number | null }[];
}

export interface RetentionAnswer {
  granularity: Period;
  /** The first day of the period that is not over. */
  running: string | null;
  cohorts: Cohort[];
  meta: Meta;
}

interface Asked {
  cohort: Period;
  first: Step | undefined;
  again: Step | undefined;
}

/** `base`: site, range and filters. */
export function retentionRequest(base: Omit<RetentionRequest, "granularity" | "first" | "again">, { cohort, first, again }: Asked): RetentionRequest {
  return {
    ...base,
    granularity: cohort,
    ...(first ? { first: stepRequest(first) } : {}),
    ...(again ? { again: stepRequest(again) } : {}),
  };
}

export function askRetention(request: RetentionRequest, signal?: AbortSignal, onProgress?: OnProgress): Promise<RetentionAnswer> {
  return askOne<RetentionAnswer>("/api/v1/retention", request, ({ cohorts }) => Array.isArray(cohorts), { signal, onProgress });
}

/** Of a table of 400 by 400 a browser draws for seconds, and nobody reads it; the file has all. */
export const COHORTS_SHOWN_MAX = 100;
export const PERIODS_SHOWN_MAX = 53;

/** The latest cohorts, and what is drawn of each. */
export function shownOf({ cohorts }: RetentionAnswer): { cohorts: Cohort[]; periods: number; isCut: boolean } {
  const latest = cohorts.slice(-COHORTS_SHOWN_MAX);
  const all = latest[0]?.periods.length ?? 0;
  const periods = Math.min(all, PERIODS_SHOWN_MAX);
  return { cohorts: latest, periods, isCut: latest.length < cohorts.length || periods < all };
}

/** Whether a cell is of the period that is not over: the last one of every cohort. */
export function isRunning({ running }: RetentionAnswer, { periods }: Cohort, period: number): boolean {
  return running !== null && period === periods.length - 1;
}

export const SHADES = 5;

/** The largest rate of those who came again, which has the darkest shade: the period itself is always 100 %. */
export function mostOf(cohorts: readonly Cohort[]): number {
  return Math.max(0, ...cohorts.flatMap(({ periods }) => periods.slice(1).map(({ rate }) => rate ?? 0)));
}

/** 0 is no shade: nobody came again, or nobody could. */
export function shadeOf(rate: number | null, most: number): number {
  if (rate === null || rate <= 0 || most <= 0) return 0;
  return Math.min(SHADES, Math.max(1, Math.ceil((SHADES * rate) / most)));
}

/** A row a cohort and period, by the names of the API's answer. */
export function retentionTable({ cohorts }: RetentionAnswer): Cell[][] {
  const rows = cohorts.flatMap(({ date, visitors, periods }) => periods.map((period, index): Cell[] => [date, visitors, index, period.visitors, period.rate]));
  return [["cohort", "cohort_visitors", "period", "visitors", "rate"], ...rows];
}
