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
  if (!meta || meta.sample_rate >= 1) return "";
  if (!interval) return "too few visitors in the sample to say how far off";
  return `${percent.format(100 * (meta.confidence?.level ?? 0))}\u00a0% sure: ${whole(unit, Number(interval[0]))} to ${whole(unit, Number(interval[1]))}`;
}

/** Of the total of a metric. */
export function intervalOf(sampling: Sampling | null | undefined, metric: string): Interval | null {
  return sampling?.confidence?.totals?.[metric] ?? null;
}

/** How far a number may be off: null where too few visitors say so, undefined where it is counted. */
export type Sureness = Interval | null | undefined;

const isSampled = (sampling: Sampling): boolean => (sampling.sample_rate ?? 1) < 1;

/** Of the total of a metric, as estimate() takes it. */
export const surenessOf = (sampling: Sampling, metric: string): Sureness => (isSampled(sampling) ? intervalOf(sampling, metric) : undefined);

/** How far the number of a metric may be off in the nth row; undefined where all are counted. */
export function surenessByRow(sampling: Sampling, { columns }: Pick<Answer, "columns">, metric: string): ((row: number) => Sureness) | undefined {
  if (!isSampled(sampling)) return undefined;
  const at = columnOf({ columns: columns.filter(({ role }) => role === "metric") }, metric);
  return (row) => sampling.confidence?.rows[row]?.[at] ?? null;
}

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
