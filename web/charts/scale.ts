/** The smallest of 1, 2 or 5 times a power of ten of which `most` steps are as many as `max`, which is above 0. */
export function stepOf(max: number, most: number): number {
  const rough = max / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5].map((factor) => factor * power).find((size) => size >= rough * (1 - 1e-9)) ?? 10 * power;
}

/** Ticks of an axis that starts at 0: at most `most` equal steps of 1, 2 or 5 times a power of ten, the last at or above the maximum. */
export function ticks(max: number, most: number): number[] {
  // Counts are whole: no step below 1.
  const step = Math.max(1, stepOf(Math.max(max, 1), most));
  const steps = Math.max(1, Math.ceil(max / step - 1e-9));
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}
