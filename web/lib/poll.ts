const INTERVAL_MS = 2_000;
const BACKOFF_MAX_MS = 30_000;

/** Time until the next attempt: the interval after a success; after failures it doubles up to a limit, with jitter over its upper half
 *  so that open pages do not come back all at once when the server does. */
export function delayAfter(failures: number, random: () => number = Math.random): number {
  if (failures === 0) return INTERVAL_MS;
  const whole = Math.min(BACKOFF_MAX_MS, INTERVAL_MS * 2 ** failures);
  return Math.round(whole / 2 + (whole / 2) * random());
}

export interface Poll<T> {
  ask: () => Promise<T>;
  onAnswer: (answer: T) => void;
  /** `retryMs`: when it will be tried again. */
  onFailure: (error: unknown, retryMs: number) => void;
  /** True while nobody looks; then nothing is asked until wake() is called. */
  hidden: () => boolean;
}

/** Asks at once and then again and again, one question at a time. Returns wake(): ask now, unless a question is on its way. */
export function poll<T>({ ask, onAnswer, onFailure, hidden }: Poll<T>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let failures = 0;

  async function turn(): Promise<void> {
    if (asking || hidden()) return;
    clearTimeout(timer);
    asking = true;
    let delay: number;
    try {
      const answer = await ask();
      failures = 0;
      delay = delayAfter(0);
      onAnswer(answer);
    } catch (error) {
      failures += 1;
      delay = delayAfter(failures);
      onFailure(error, delay);
    } finally {
      asking = false;
    }
    timer = setTimeout(() => void turn(), delay);
  }

  void turn();
  return () => void turn();
}
