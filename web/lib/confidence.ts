import { type Unit, whole } from "./metrics";
import { type Answer, columnOf, type Interval, type Meta, type Sampling } from "./query";

const percent = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** How far a sampled number may be off, in percent of it: "±0.4 %"; empty where it is counted or nothing is known. */
export function errorText(value: number | null, interval: Interval | null | undefined): string {
  if (!interval || !value) return "";
  const [lower, upper] = interval.map(Number) as [number, number];
  return `\u00b1${percent.format((50 * (upper - lower)) / Math.abs(value))}\u00a0%`;
}

/** The same in words, for whoever looks closer; empty where it is counted. */
export function errorSentence(unit: Unit, meta: Meta | undefined, interval: Interval | null | undefined): string {
  if (!meta || (!interval && !isSampled(meta))) return "";
  if (!interval) return "too few visitors in the sample to say how far off";
  return `${percent.format(100 * (meta.confidence?.level ?? 0))}\u00a0% sure: ${whole(unit, Number(interval[0]))} to ${whole(unit, Number(interval[1]))}`;
}

/** What is exact among estimates has itself at both ends. */
const wide = (interval: Interval | null | undefined): Interval | null => (interval && Number(interval[0]) < Number(interval[1]) ? interval : null);

/** Of the total of a metric; null where it is counted or nothing is known. */
export function intervalOf(sampling: Sampling | null | undefined, metric: string): Interval | null {
  return wide(sampling?.confidence?.totals?.[metric]);
}

/** The widest interval of an answer from sketches, by half of it as a share of the number; 0 where all are counted, or from a sample. */
export function sketchError(sampling: Sampling): number {
  const { rows = [], totals } = (!isSampled(sampling) && sampling.confidence) || {};
  const errors = [...rows, Object.values(totals ?? {})].flatMap((intervals) =>
    intervals.map((interval) => (wide(interval) ? relative(interval as Interval) : 0)),
  );
  return errors.reduce((widest, error) => Math.max(widest, error), 0);
}

function relative(interval: Interval): number {
  const [lower, upper] = [Number(interval[0]), Number(interval[1])];
  return (upper - lower) / (upper + lower);
}

/** How far a number may be off: null where too few visitors say so, undefined where it is counted. */
export type Sureness = Interval | null | undefined;

const isSampled = (sampling: Sampling): boolean => (sampling.sample_rate ?? 1) < 1;

/** Of the total of a metric, as estimate() takes it. */
export const surenessOf = (sampling: Sampling, metric: string): Sureness => intervalOf(sampling, metric) ?? otherwise(sampling);

/** How far the number of a metric may be off in the nth row; undefined where all are counted. */
export function surenessByRow(sampling: Sampling, { columns }: Pick<Answer, "columns">, metric: string): ((row: number) => Sureness) | undefined {
  const at = columnOf({ columns: columns.filter(({ role }) => role === "metric") }, metric);
  const intervals = sampling.confidence?.rows.map((row) => wide(row[at])) ?? [];
  if (!isSampled(sampling) && !intervals.some(Boolean)) return undefined;
  return (row) => intervals[row] ?? otherwise(sampling);
}

/** Without an interval a sample knows nothing of a number, and sketches have all of it. */
const otherwise = (sampling: Sampling): Sureness => (isSampled(sampling) ? null : undefined);

/** The least that whole() tells apart. */
const STEPS: Record<Unit, number> = { count: 1, number: 0.01, percent: 0.1, seconds: 1 };

/** "\u00b1 56", half of the interval; empty where nothing is known of it. */
export function halfText(unit: Unit, interval: Sureness): string {
  if (!interval) return "";
  const half = (Number(interval[1]) - Number(interval[0])) / 2;
  return `\u00b1\u00a0${half < STEPS[unit] ? `<${whole(unit, STEPS[unit])}` : whole(unit, half)}`;
}

/** "1,234 \u00b1 56"; "\u2248 1,234" where nothing more is known of an estimate, and "1,234" where it is counted. */
export function estimate(unit: Unit, value: number | null, interval: Sureness): string {
  const text = whole(unit, value);
  if (interval === undefined || value === null) return text;
  return interval ? `${text}\u00a0${halfText(unit, interval)}` : `\u2248\u00a0${text}`;
}
