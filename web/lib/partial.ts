import { longDay } from "./calendar";
import { sketchError } from "./confidence";
import { plural } from "./format";
import type { Meta, Sampling } from "./query";

const percent = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** That numbers are estimates, and of what; empty where they are exact. */
export function estimated(sampling: Sampling): string {
  const { sample_rate: rate = 1 } = sampling;
  if (rate < 1) return `Estimated from ${percent.format(100 * rate)}\u00a0% of the visitors`;
  const error = sketchError(sampling);
  return error > 0 ? `Visitors from sketches, \u00b1${percent.format(100 * error)}\u00a0%` : "";
}

/** The same at more length, where it stands once. */
export function explained(sampling: Sampling): string {
  const error = sketchError(sampling);
  if (error === 0) return estimated(sampling);
  return `Visitors of closed days are put together from sketches: within ${percent.format(100 * error)}\u00a0% in 19 of 20 cases`;
}

/** What an answer is not: exact, whole, fresh. Empty where it is all of that. */
export function partial(meta: Meta, estimate = estimated(meta)): string {
  return [
    estimate,
    meta.events_from ? `Events before ${longDay(meta.events_from)} are no longer kept` : "",
    meta.days_missing ? `${plural(meta.days_missing, "day")} whose events are gone ${meta.days_missing === 1 ? "is" : "are"} not counted` : "",
    meta.cached ? `As of ${meta.as_of.slice(11, 16)} UTC` : "",
  ]
    .filter(Boolean)
    .join(" \u00b7 ");
}
