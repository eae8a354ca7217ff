import { signal } from "@preact/signals";

import { delayAfter } from "../lib/poll";
import { onVisibilityChange } from "../lib/watch";

/** What WS /api/v1/live sends: a snapshot first, then whole updates. */
export interface LiveMinute {
  minute: string;
  pageviews: number;
  events: number;
  visitors: number;
}

export interface LiveRow {
  name: string;
  visitors: number;
}

export const LISTS = ["pages", "sources", "countries", "events"] as const;

export type Snapshot = {
  as_of: string;
  active_visitors: number;
  /** Less than 1: the numbers are estimates from that share of the visitors. */
  sample_rate: number;
  /** The last 30, oldest first; the last one runs. */
  minutes: LiveMinute[];
} & Record<(typeof LISTS)[number], LiveRow[]>;

/** `snapshot` is what is true now, and nothing else; what was true before the connection was lost is `last`, to be shown with its age. */
export type LiveState =
  | { state: "connecting"; snapshot: undefined; last: undefined }
  | { state: "live"; snapshot: Snapshot; last: undefined }
  | { state: "off"; snapshot: undefined; last: { snapshot: Snapshot; receivedAtMs: number } | undefined };

export interface Live {
  readonly value: { readonly value: LiveState };
  close(): void;
}

interface Parts {
  /** The access may have ended: it was said so, or the connection was refused. */
  onDoubt?: () => void;
  open?: (url: string) => WebSocket;
  wait?: (run: () => void, ms: number) => ReturnType<typeof setTimeout>;
  random?: () => number;
  now?: () => number;
  hidden?: () => boolean;
  onVisibility?: (changed: () => void) => () => void;
}

/** Past these a connection counts as lost: a broken network closes nothing. The server says something every 10 s; two of those may be late. */
const FIRST_MESSAGE_MS = 10_000;
const SILENCE_MS = 25_000;
/** The codes with which an access ends: the server's own, and that of the standard. */
const ACCESS_ENDED = [4401, 1008];
const MESSAGE_CHARACTERS_MAX = 1 << 20;
const ROWS_MAX = 1_000;

/** Follows a site until close(), while the page is seen. A lost connection is opened again after 4, 8, 16, 30 s with jitter, so that many
 *  open pages do not come back at once, and after 4 where the server lets in and has no numbers yet. */
export function follow(
  siteId: string,
  {
    onDoubt = () => undefined,
    open = (url) => new WebSocket(url),
    wait = setTimeout,
    random = Math.random,
    now = Date.now,
    hidden = () => document.hidden,
    onVisibility = onVisibilityChange,
  }: Parts = {},
): Live {
  const value = signal<LiveState>({ state: "connecting", snapshot: undefined, last: undefined });
  let socket: WebSocket | undefined;
  // One at a time: until the first message, the next message, or the next attempt.
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let receivedAtMs = 0;

  function after(ms: number, run: () => void): void {
    clearTimeout(timer);
    timer = wait(run, ms);
  }

  function connect(): void {
    drop();
    const mine = open(`${location.origin.replace(/^http/, "ws")}/api/v1/live?website_id=${encodeURIComponent(siteId)}`);
    socket = mine;
    let heard = false;
    mine.onmessage = ({ data }) => {
      const snapshot = socket === mine ? parse(data) : undefined;
      if (!snapshot) return;
      heard = true;
      failures = 0;
      receivedAtMs = now();
      value.value = { state: "live", snapshot, last: undefined };
      after(SILENCE_MS, () => {
        off();
        connect();
      });
    };
    // Who lets in without numbers has none at the moment, and has them again before the longest pause is over.
    mine.onopen = () => {
      if (socket === mine) failures = 0;
    };
    mine.onclose = ({ code }) => {
      if (socket !== mine) return;
      fail();
      if (!heard || ACCESS_ENDED.includes(code)) onDoubt();
    };
    after(FIRST_MESSAGE_MS, fail);
  }

  function fail(): void {
    off();
    failures += 1;
    after(delayAfter(failures, random), connect);
  }

  /** What is known is no longer what is. */
  function off(): void {
    drop();
    const { snapshot, last } = value.peek();
    value.value = { state: "off", snapshot: undefined, last: snapshot ? { snapshot, receivedAtMs } : last };
  }

  function drop(): void {
    clearTimeout(timer);
    const old = socket;
    socket = undefined;
    old?.close();
  }

  const leave = onVisibility(() => {
    if (hidden()) off();
    else if (!socket) {
      failures = 0;
      connect();
    }
  });
  if (!hidden()) connect();
  return {
    value,
    close() {
      leave();
      drop();
    },
  };
}

const isCount = (given: unknown): given is number => Number.isSafeInteger(given) && (given as number) >= 0;

function isMinute(given: Partial<LiveMinute> | null): given is LiveMinute {
  return (
    typeof given === "object" &&
    given !== null &&
    !Number.isNaN(Date.parse(String(given.minute))) &&
    isCount(given.pageviews) &&
    isCount(given.events) &&
    isCount(given.visitors)
  );
}

function isRow(given: Partial<LiveRow> | null): given is LiveRow {
  return typeof given === "object" && given !== null && typeof given.name === "string" && isCount(given.visitors);
}

/** A message as it is promised, or undefined: what is only half of one changes nothing. */
export function parse(data: unknown): Snapshot | undefined {
  if (typeof data !== "string" || data.length > MESSAGE_CHARACTERS_MAX) return undefined;
  let message: Partial<Snapshot & { type: string }> | null;
  try {
    message = JSON.parse(data) as typeof message;
  } catch {
    return undefined;
  }
  if (typeof message !== "object" || message === null || (message.type !== "snapshot" && message.type !== "update")) return undefined;
  const { as_of, active_visitors, sample_rate = 1, minutes, pages = [], sources = [], countries = [], events = [] } = message;
  const isList = (rows: unknown): boolean => Array.isArray(rows) && rows.length <= ROWS_MAX && rows.every(isRow);
  if (typeof as_of !== "string" || Number.isNaN(Date.parse(as_of)) || !isCount(active_visitors)) return undefined;
  if (typeof sample_rate !== "number" || !(sample_rate > 0 && sample_rate <= 1)) return undefined;
  if (!Array.isArray(minutes) || minutes.length > ROWS_MAX || !minutes.every(isMinute)) return undefined;
  if (![pages, sources, countries, events].every(isList)) return undefined;
  return { as_of, active_visitors, sample_rate, minutes: minutes.slice(-30), pages, sources, countries, events };
}
