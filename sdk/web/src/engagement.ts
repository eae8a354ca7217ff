import { attempt, listen } from "./guard";

const enum Interval {
  FirstMs = 10_000,
  LongestMs = 60_000,
}

export interface Engagement {
  start_(): void;
  /** Another page begins. */
  restart_(): void;
  /** What there is to tell since the last call: engaged seconds and the depth in percent, both from the page's beginning. */
  news_(): { time_on_page: number; scroll_depth: number } | undefined;
}

/**
 * Measures for how long the page is visible and has the focus, and how far down it was seen. While it is engaged, `tell` is called at
 * growing intervals: what is lost with a browser that dies is then small beside what was told.
 */
export function createEngagement(tell: () => void): Engagement {
  let engagedMs = 0;
  /** Of the stretch that runs; negative where none does. */
  let since = -1;
  let seen = 0;
  let told = 0;
  let interval: number = Interval.FirstMs;
  let timer: ReturnType<typeof setTimeout> | 0 = 0;

  const measureScroll = (): void => {
    seen = Math.max(seen, scrollY + innerHeight);
  };

  /** Ends the stretch that runs, and begins the next one where the page is engaged. */
  const settle = (): void => {
    const now = performance.now();
    // The timer ends every stretch. What is longer went on while the machine slept.
    if (since >= 0) engagedMs += Math.min(now - since, interval);
    since = -1;
    if (document.hidden) return;
    measureScroll();
    if (!document.hasFocus()) return;
    since = now;
    timer ||= setTimeout(() => attempt(() => {
      settle();
      timer = 0;
      interval = Math.min(interval * 2, Interval.LongestMs);
      tell();
    }), interval);
  };

  return {
    start_() {
      listen("focus", settle);
      listen("blur", settle);
      listen("scroll", measureScroll);
      // What becomes hidden was seen until now.
      listen("visibilitychange", measureScroll);
      listen("visibilitychange", settle);
    },
    restart_() {
      clearTimeout(timer);
      timer = 0;
      interval = Interval.FirstMs;
      settle();
      // Where the browser stands now belongs to the page before.
      engagedMs = seen = told = 0;
    },
    news_() {
      settle();
      const time = ((engagedMs / 100) | 0) / 10;
      // The height is that of now: a page that grew is seen less far than it seemed.
      const depth = Math.min(100, ((100 * seen) / document.documentElement.scrollHeight + 0.5) | 0);
      const tells = time * 1_000 + depth;
      if (tells == told) return;
      told = tells;
      return { time_on_page: time, scroll_depth: depth };
    },
  };
}
