import { signal } from "@preact/signals";

import { delayAfter } from "../lib/poll";

/** What WS /api/v1/live sends: a snapshot first, then whole updates. */
export interface LiveMinute {
  minute: string;
  pageviews: number;
  events: number;
  visitors: number;
}

export interface Snapshot {
  as_of: string;
  active_visitors: number;
  /** The last 30, oldest first. */
  minutes: LiveMinute[];
}

export type LiveState = { state: "connecting"; snapshot: undefined } | { state: "live"; snapshot: Snapshot } | { state: "off"; snapshot: undefined };

export interface Live {
  readonly value: { readonly value: LiveState };
  close(): void;
}

interface Parts {
  open?: (url: string) => WebSocket;
  wait?: (run: () => void, ms: number) => ReturnType<typeof setTimeout>;
  random?: () => number;
}

/** Follows a site until close(). A lost connection is opened again after 4, 8, 16, 30 s with jitter, so that many open pages do not come
 *  back at once; meanwhile the state is `off`, never an old number that looks current. */
export function follow(siteId: string, { open = (url) => new WebSocket(url), wait = setTimeout, random = Math.random }: Parts = {}): Live {
  const value = signal<LiveState>({ state: "connecting", snapshot: undefined });
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let closed = false;

  function connect(): void {
    const mine = open(`${location.origin.replace(/^http/, "ws")}/api/v1/live?website_id=${encodeURIComponent(siteId)}`);
    socket = mine;
    mine.onmessage = ({ data }) => {
      if (closed) return;
      const snapshot = parse(data);
      if (!snapshot) return;
      failures = 0;
      value.value = { state: "live", snapshot };
    };
    mine.onclose = () => {
      if (closed || socket !== mine) return;
      failures += 1;
      value.value = { state: "off", snapshot: undefined };
      timer = wait(connect, delayAfter(failures, random));
    };
  }

  connect();
  return {
    value,
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}

function parse(data: unknown): Snapshot | undefined {
  try {
    const message = JSON.parse(String(data)) as Partial<Snapshot> & { type?: string };
    if ((message.type !== "snapshot" && message.type !== "update") || !Array.isArray(message.minutes) || typeof message.active_visitors !== "number")
      return undefined;
    return { as_of: String(message.as_of), active_visitors: message.active_visitors, minutes: message.minutes };
  } catch {
    return undefined;
  }
}
