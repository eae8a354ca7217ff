import { compact, count, duration } from "./format";

export type Unit = "count" | "number" | "percent" | "seconds";

export interface Metric {
  name: string;
  label: string;
  unit: Unit;
  /** A rise of bounce rate is nothing to be glad of. */
  better: "more" | "less";
  /** What stands where a bucket has no row: nothing happened, so a count is 0, and a ratio of nothing is unknown. */
  absent: "zero" | "gap";
}

export const METRICS = [
  { name: "visitors", label: "Visitors", unit: "count", better: "more", absent: "zero" },
  { name: "sessions", label: "Sessions", unit: "count", better: "more", absent: "zero" },
  { name: "pageviews", label: "Pageviews", unit: "count", better: "more", absent: "zero" },
  { name: "views_per_session", label: "Views per session", unit: "number", better: "more", absent: "gap" },
  { name: "bounce_rate", label: "Bounce rate", unit: "percent", better: "less", absent: "gap" },
  { name: "session_duration", label: "Session duration", unit: "seconds", better: "more", absent: "gap" },
] as const satisfies readonly Metric[];

export type MetricName = (typeof METRICS)[number]["name"];

export function metricOf(name: MetricName): Metric {
  return METRICS.find((metric) => metric.name === name) ?? METRICS[0];
}

/** What is no metric of the headline is a count. */
export function unitOf(name: string | undefined): Unit {
  return METRICS.find((metric) => metric.name === name)?.unit ?? "count";
}

const twoDigits = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Exact, for captions, tables and points. */
export function whole(unit: Unit, value: number | null): string {
  if (value === null) return "\u2013";
  if (unit === "percent") return `${oneDigit.format(value)}\u00a0%`;
  if (unit === "seconds") return duration(Math.round(value));
  return unit === "number" ? twoDigits.format(value) : count(value);
}

/** For headlines and axes: 1234567 is "1.2M", ten thousand and less stands as it is; 134 s is "2m 14s". */
export function brief(unit: Unit, value: number | null): string {
  if (value !== null && unit === "seconds") return whole(unit, value).replace(/(\d) ([a-z])[a-z]*/g, "$1$2");
  return value !== null && unit === "count" && Math.abs(value) >= 10_000 ? compact(value) : whole(unit, value);
}
