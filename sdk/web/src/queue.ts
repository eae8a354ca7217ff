import type { FootfallEvent } from "./event";
import { attempt, log } from "./guard";
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

export interface Queue {
  add_(event: FootfallEvent): void;
  /** Sends what waits by requests that are answered, and repeated where that fails. */
  send_(): Promise<void>;
  /** Sends what waits by requests that outlive the page, whose answers nobody sees. */
  beacon_(): void;
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
  let busy = new Set<FootfallEvent>();
  let dropped = 0;
  let failures = 0;
  let status = 1;
  /** The latest try failed, and the timer waits for the next. */
  let paused = false;
  let timer: ReturnType<typeof setTimeout> | 0 = 0;

  const remove = (event: FootfallEvent): void => {
    keptBytes -= kept.get(event) || 0;
    kept.delete(event);
  };

  /** Puts the oldest that wait into `batch`, and gives the body for them: empty where none wait. */
  const take = (): string => {
    let body = "";
    batch = new Set();
    batchBytes = 0;
    refresh();
    kept.forEach((bytes, event) => {
      if (busy.has(event) || batch.size >= Limit.BatchEvents || (body && batchBytes + bytes > Limit.BatchBytes)) return;
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
    paused = false;
    void send();
  };

  const send = async (): Promise<void> => {
    if (busy.size || paused) return;
    const body = take();
    if (!body) return;
    const sent = (busy = batch);
    let retryAfter: string | null = null;
    status = 0;
    try {
      // Text is sent as text/plain, which needs no preflight. Without credentials: a visitor has none with us.
      const response = await fetch(endpoint, {
        method: "POST",
        body,
        keepalive: batchBytes <= Limit.BatchBytes,
        credentials: "omit",
        // Where a browser lacks it, its own limit holds, which is minutes.
        signal: AbortSignal.timeout?.(Limit.TimeoutMs) as AbortSignal,
      });
      status = response.status;
      retryAfter = response.headers.get("Retry-After");
      log(body, status, await response.text());
    } catch (error) {
      log(error);
    }
    busy = new Set();
    if (!status || status > 499 || status == 429 || status == 408) {
      paused = true;
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
      const bytes = new TextEncoder().encode(JSON.stringify(event)).length;
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
    beacon_() {
      // Where requests fail a beacon may fail too, and nobody would see it. So the events stay; what arrives twice is counted once, by its id.
      const unsure = failures || !navigator.onLine;
      const before = busy;
      busy = new Set(before);
      let body: string;
      while ((body = take()) && attempt(() => navigator.sendBeacon(endpoint, body)))
        batch.forEach((event) => {
          busy.add(event);
          if (!unsure) remove(event);
        });
      busy = before;
      if (body) void send();
    },
    online_() {
      if (!status) resume();
    },
    clear_() {
      kept.clear();
      keptBytes = 0;
    },
  };
}
