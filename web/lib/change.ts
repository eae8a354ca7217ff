import type { Metric } from "./metrics";

export interface Change {
  /** Relative for counts and times; the difference in points for percentages; undefined where there is nothing to compare with. */
  text: string;
  /** For those who do not see the arrow. */
  spoken: string;
  direction: "up" | "down" | "same" | "new";
  verdict: "good" | "bad" | "neutral";
}

const percent = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const points = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** What became of a number since the other period. Without both numbers there is no change to tell. */
export function changeOf(metric: Metric, now: number | null | undefined, before: number | null | undefined): Change | undefined {
  if (now === null || now === undefined || before === null || before === undefined) return undefined;
  if (metric.unit !== "percent" && before === 0) {
    return now === 0
      ? { text: "0\u00a0%", spoken: "unchanged", direction: "same", verdict: "neutral" }
      : { text: "new", spoken: "none in the other period", direction: "new", verdict: "neutral" };
  }
  const inPoints = metric.unit === "percent";
  const difference = inPoints ? now - before : (100 * (now - before)) / before;
  const size = inPoints ? points.format(Math.abs(difference)) : percent.format(Math.abs(difference));
  const unit = inPoints ? "pp" : "%";
  if (size === "0") return { text: `0\u00a0${unit}`, spoken: "unchanged", direction: "same", verdict: "neutral" };
  const up = difference > 0;
  return {
    text: `${size}\u00a0${unit}`,
    spoken: `${up ? "up" : "down"} ${size} ${inPoints ? "percentage points" : "percent"}`,
    direction: up ? "up" : "down",
    verdict: up === (metric.better === "more") ? "good" : "bad",
  };
}
