import type { Series } from "../../charts/timeline";
import { type Bucket, bucketsOf, ofBuckets, valuesOf } from "../../lib/buckets";
import { changeOf } from "../../lib/change";
import { type Sureness, surenessByRow, surenessOf } from "../../lib/confidence";
import { type Metric, METRICS, whole } from "../../lib/metrics";
import { type Answer, type Cell, columnOf, type Granularity, type Query, type Sampling } from "../../lib/query";

const DIMENSIONS = { hour: "hour", day: "date", week: "week", month: "month" } as const;
/** The server's own limit on rows is higher; past this a chart shows nothing more. */
const POINTS_MAX = 4_000;

/** All metrics at once, so that choosing another one asks nothing. */
export function timelineQuery(base: Query, granularity: Granularity, compare: Query["compare"]): Query {
  const dimension = DIMENSIONS[granularity];
  return {
    ...base,
    metrics: METRICS.map(({ name }) => name),
    dimensions: [dimension],
    order_by: [[dimension, "asc"]],
    limit: POINTS_MAX,
    ...(compare ? { compare } : {}),
  };
}

/** What the points of an answer are. */
export function granularityIn(answer: Answer): Granularity {
  return (Object.keys(DIMENSIONS) as Granularity[]).find((name) => DIMENSIONS[name] === answer.columns[0]?.name) ?? "day";
}

/** An answer as a chart takes it. Of "all time" only the part since the first event is drawn. */
export function seriesOf(answer: Answer, metric: Metric, everything: boolean): Series {
  const granularity = granularityIn(answer);
  const column = columnOf(answer, metric.name);
  const range = answer.meta.range;
  if (!range || column < 0) return { buckets: [], values: [], intervals: undefined, other: undefined };
  const first = answer.rows[0]?.[0];
  const from = everything && typeof first === "string" ? first : range.from;
  const buckets = bucketsOf(granularity, { ...range, from }, answer.meta.as_of).slice(everything && first === undefined ? -1 : 0);
  const comparison = answer.comparison;
  const otherBuckets =
    comparison && bucketsOf(granularity, { from: comparison.from, to: comparison.to, timezone: range.timezone }, answer.meta.as_of);
  const lineOf = (its: Bucket[], rows: Cell[][], sampling: Sampling) => ({
    buckets: its,
    values: valuesOf(its, rows, column, metric.absent),
    intervals: intervalsOf(its, rows, surenessByRow(sampling, answer, metric.name)),
  });
  return {
    ...lineOf(buckets, answer.rows, answer.meta),
    other: comparison && otherBuckets ? lineOf(otherBuckets, comparison.rows, comparison) : undefined,
  };
}

const NO_ROW = -1;

/** Where a sample has nothing of a bucket, nobody knows how much there is; sketches have all of it. */
function intervalsOf(buckets: Bucket[], rows: Cell[][], sureness: ((row: number) => Sureness) | undefined): Sureness[] | undefined {
  return sureness && ofBuckets(buckets, rows, (_, row) => row).map((row) => sureness(row ?? NO_ROW));
}

/** What the chart says, in a sentence. */
export function finding(answer: Answer, metric: Metric, series: Series, against: string): string {
  const total = answer.totals?.[metric.name] ?? null;
  const name = metric.label.toLowerCase();
  if (total === null || (total === 0 && metric.absent === "zero")) return `No ${name} in this period.`;
  const isEstimate = surenessOf(answer.meta, metric.name) !== undefined;
  const sentence =
    metric.absent === "zero"
      ? `${isEstimate ? "About " : ""}${whole(metric.unit, total)} ${total === 1 ? name.replace(/s$/, "") : name}`
      : `${metric.label}${isEstimate ? " about" : ""} ${whole(metric.unit, total)}`;
  const { comparison } = answer;
  const change = comparison ? changeOf(metric, total, comparison.totals?.[metric.name]) : undefined;
  const changed = !change
    ? ""
    : change.direction === "same"
      ? `, as in the ${against}`
      : change.direction === "new"
        ? `, none in the ${against}`
        : `, ${change.text} ${change.direction === "up" ? "more" : "less"} than in the ${against}`;
  const best = series.values.reduce<number>(
    (found, value, index) => (value !== null && (found < 0 || value > (series.values[found] ?? -Infinity)) ? index : found),
    -1,
  );
  const bucket = series.buckets[best];
  const peak =
    bucket && series.values.filter((value) => value !== null).length > 1
      ? `; ${metric.absent === "zero" ? "most" : "highest"} ${bucket.when}, ${whole(metric.unit, series.values[best] ?? null)}`
      : "";
  return `${sentence}${changed}${peak}.`;
}
