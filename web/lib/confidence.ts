import { type Unit, whole } from "./metrics";
import type { Interval, Meta } from "./query";

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
export function intervalOf(meta: Meta | undefined, metric: string): Interval | null {
  return meta?.confidence?.totals?.[metric] ?? null;
}
