import type { Unit } from "../lib/metrics";
import { stepOf } from "./scale";

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 18_000, 36_000, 86_400];

/** Marks of an axis from 0, the last at or above the maximum: steps of 1, 2 or 5, whole ones for counts, and those of a clock for time. */
export function marks(unit: Unit, max: number, most = 4): number[] {
  const top = Math.max(max, unit === "count" ? most : unit === "seconds" ? 10 : 1);
  const step = unit === "seconds" ? (SECONDS.find((size) => top / size <= most) ?? Math.ceil(top / most)) : stepOf(top, most);
  const count = Math.ceil(top / step - 1e-9);
  // By division, since 3 * 0.2 is not 0.6.
  return Array.from({ length: count + 1 }, (_, index) => (step < 1 ? index / Math.round(1 / step) : index * step));
}

/** Which labels stand on an axis of `count` points: every nth, so that none touches the next. */
export function labelled(count: number, width: number, labelWidth: number): number[] {
  const room = Math.max(1, Math.floor(width / labelWidth));
  const every = Math.max(1, Math.ceil(count / room));
  return Array.from({ length: Math.ceil(count / every) }, (_, index) => index * every);
}
