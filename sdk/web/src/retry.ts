const enum Wait {
  FirstMs = 1_000,
  LongestMs = 300_000,
  LongestAskedMs = 3_600_000,
}

/**
 * How long to wait before the next try, in ms. `failures`: how many tries failed before this one. A server that names a time in
 * `Retry-After` (seconds or a date) is believed up to an hour; otherwise the wait is random below a bound that doubles, so that the
 * browsers that one outage stopped do not come back together.
 */
export function backOff(failures: number, retryAfter: string | null): number {
  const asked = +retryAfter! * 1_000 || Date.parse(retryAfter!) - Date.now();
  if (asked > 0) return Math.min(asked, Wait.LongestAskedMs) + Math.random() * Wait.FirstMs;
  return Wait.FirstMs + Math.random() * Math.min(Wait.LongestMs - Wait.FirstMs, Wait.FirstMs * 2 ** failures);
}
