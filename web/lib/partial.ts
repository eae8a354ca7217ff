import { longDay } from "./calendar";
import { plural } from "./format";
import type { Meta } from "./query";

const percent = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** That a number is an estimate; empty where it is exact. */
export function estimated(sampleRate: number): string {
  return sampleRate < 1 ? `Estimated from ${percent.format(100 * sampleRate)}\u00a0% of the visitors` : "";
}

/** What an answer is not: exact, whole, fresh. Empty where it is all of that. */
export function partial(meta: Meta): string {
  return [
    estimated(meta.sample_rate),
    meta.events_from ? `Events before ${longDay(meta.events_from)} are no longer kept` : "",
    meta.days_missing ? `${plural(meta.days_missing, "day")} whose events are gone ${meta.days_missing === 1 ? "is" : "are"} not counted` : "",
    meta.cached ? `As of ${meta.as_of.slice(11, 16)} UTC` : "",
  ]
    .filter(Boolean)
    .join(" \u00b7 ");
}
