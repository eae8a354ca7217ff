import type { FootfallEvent } from "./event";
import { log } from "./guard";
import { backOff } from "./retry";

// An enum, since esbuild writes its values in place.
const enum Limit {
  BatchEvents = 20,
  // sendBeacon and fetch with keepalive take 64 KiB; the rest is for what is only known at sending, such as the title.
  BatchBytes = 56_000,
  KeptEvents = 1_000,
  KeptBytes = 1 << 20,
  DelayMs = 500,
  TimeoutMs = 30_000,
}

/** Why what failed is not tried again yet. In the order of Stage: at Ends only the longer one holds. */
const enum Pause {
  None,
  BackOff,
  /** The server named a time. */
  RetryAfter,
}

/** What becomes of the page, where it does not simply live. */
export const enum Stage {
  /** It may end without another word. */
  Hidden = 1,
  Ends,
}

export interface Queue {
  add_(event: FootfallEvent): void;
  /**
   * Sends what waits by requests that are answered, and repeated where that fails. Where the page lives, one at a time; where it is hidden, at
   * once, but what failed keeps to its back-off; where it ends, by beacons, whose answers nobody sees: then what failed is tried a last time,
   * unless the server named a time.
   */
  send_(stage?: Stage): Promise<void>;
  /** The network is back. */
  online_(): void;
  clear_(): void;
}

/**
 * Keeps events until the server has answered for them; beyond its limits it drops the oldest and says how many in what it sends next. One
 * request at a time: events arrive in order, and a server in trouble gets no more. `refresh` is called before events become a request.
 */
export function createQueue(endpoint: string, refresh: () => void): Queue {
  // Events and their bytes. A Map gives order and removal from its middle, and does not rest on Array.prototype, which belongs to the page.
  const kept = new Map<FootfallEvent, number>();
  let keptBytes = 0;
  let batch: Set<FootfallEvent>;
  let batchBytes: number;
  /** What is under way. */
  const busy = new Set<FootfallEvent>();
  let dropped = 0;
  let failures = 0;
  /** Ended by the timer. */
  let pause: Pause = Pause.None;
  let timer: ReturnType<typeof setTimeout> | 0 = 0;

  const remove = (event: FootfallEvent): void => {
    keptBytes -= kept.get(event) || 0;
    kept.delete(event);
  };

  /** Puts the oldest that may go into `batch`, and gives the body for them: empty where none may. */
  const take = (stage: Stage | undefined): string => {
    let body = "";
    batch = new Set();
    batchBytes = 0;
    refresh();
    kept.forEach((bytes, event) => {
      // Without a stage nothing is paused here, and what is compared with undefined is false.
      if (busy.has(event) || (event.sent_at && pause >= stage!)) return;
      if (batch.size >= Limit.BatchEvents || (body && batchBytes + bytes > Limit.BatchBytes)) return;
      batchBytes += bytes;
      batch.add(event);
      event.sent_at = Date.now();
      event.dropped = dropped || undefined;
      body += (body ? "," : "[") + JSON.stringify(event);
    });
    return body && `${body}]`;
  };

  const resume = (): void => {
    clearTimeout(timer);
    timer = 0;
    pause = Pause.None;
    void send();
  };

  const send = async (stage?: Stage): Promise<void> => {
    if (!stage && (busy.size || pause)) return;
    const body = take(stage);
    if (!body) return;
    const sent = batch;
    let retryAfter: string | null = null;
    let status = 0;
    sent.forEach(busy.add, busy);
    try {
      if (stage == Stage.Ends && navigator.sendBeacon?.(endpoint, body)) {
        void send(stage);
        // Where requests fail a beacon may fail too, and nobody would see it: its events stay for a page that comes back from the browser's
        // cache. What arrives twice is counted once, by its id.
        if (!failures && navigator.onLine) status = 200;
      } else {
        // Text is sent as text/plain, which needs no preflight. Without credentials: a visitor has none with us.
        const answer = fetch(endpoint, {
          method: "POST",
          body,
          keepalive: batchBytes <= Limit.BatchBytes,
          credentials: "omit",
          // Where a browser lacks it, its own limit holds, which is minutes.
          signal: AbortSignal.timeout?.(Limit.TimeoutMs) as AbortSignal,
        });
        if (stage) void send(stage);
        const response = await answer;
        status = response.status;
        retryAfter = response.headers.get("Retry-After");
        log(body, status, await response.text());
      }
    } catch (error) {
      log(error);
    }
    sent.forEach(busy.delete, busy);
    if (!status || status > 499 || status == 429 || status == 408) {
      // The server's latest word holds. What fails without one makes no wait shorter that it asked for.
      if (!retryAfter && pause == Pause.RetryAfter) return;
      pause = retryAfter ? Pause.RetryAfter : Pause.BackOff;
      clearTimeout(timer);
      timer = setTimeout(resume, backOff(failures++, retryAfter));
    } else {
      failures = 0;
      sent.forEach(remove);
      void send();
    }
  };

  return {
    add_(event) {
      const bytes = new Blob([JSON.stringify(event)]).size;
      kept.set(event, bytes);
      keptBytes += bytes;
      kept.forEach((_, old) => {
        if ((kept.size <= Limit.KeptEvents && keptBytes <= Limit.KeptBytes) || busy.has(old)) return;
        remove(old);
        dropped++;
      });
      if (kept.size < Limit.BatchEvents) timer ||= setTimeout(resume, Limit.DelayMs);
      else void send();
    },
    send_: send,
    online_() {
      if (pause < Pause.RetryAfter) resume();
    },
    clear_() {
      kept.clear();
      keptBytes = 0;
    },
  };
}
