import { reasons } from "../../schema/rejections.json";
import { ApiError, call } from "./api";

/** What GET /api/v1/rejected and /api/v1/sites/ID/rejected answer. */
export interface RejectedList {
  reasons: { reason: string; count: number; last_at: string }[];
  hours: { hour: string; reason: string; count: number }[];
  samples: RejectedSample[];
  /** What gets the next page; null: there is none. */
  before: number | null;
}

export interface RejectedSample {
  offset: number;
  received_at: string;
  website_id: string;
  tracking_id: string;
  field: string;
  reason: string;
  /** JSON as it was sent, perhaps cut. A stranger's text. */
  event: string;
  is_cut: boolean;
  user_agent: string;
  has_key: boolean;
}

export async function getRejected(siteId: string | undefined, options: { reason?: string; before?: number; signal?: AbortSignal } = {}): Promise<RejectedList> {
  const parameters = new URLSearchParams({ days: "30", limit: "20" });
  if (options.reason) parameters.set("reason", options.reason);
  if (options.before !== undefined) parameters.set("before", String(options.before));
  const path = siteId === undefined ? "/api/v1/rejected" : `/api/v1/sites/${encodeURIComponent(siteId)}/rejected`;
  const list = (await call(`${path}?${parameters}`, { timeoutMs: 30_000, ...(options.signal ? { signal: options.signal } : {}) })) as RejectedList;
  if (!Array.isArray(list?.reasons) || !Array.isArray(list.samples)) throw new ApiError("The answer is not Footfall's: is something else in front of the server?");
  return list;
}

const ADVICE = new Map(reasons.map(({ name, advice }) => [name, advice]));

/** What to do about it, in a sentence. */
export function advice(reason: string): string {
  return ADVICE.get(reason) ?? "This page does not know the reason; it may be older than the server.";
}

/** "2026-11-24T06:00:01.234Z" → "2026-11-24 06:00:01 UTC". */
export function moment(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** The event with its members on lines of their own; as it is where it was cut, or is no JSON. Characters that turn the direction of what
 *  follows are escaped: the text would read otherwise than it is. */
export function laidOut(sample: Pick<RejectedSample, "event" | "is_cut">): string {
  return lines(sample).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16)}`);
}

function lines({ event, is_cut }: Pick<RejectedSample, "event" | "is_cut">): string {
  if (is_cut) return `${event}\u2026`;
  try {
    return JSON.stringify(JSON.parse(event), null, 2);
  } catch {
    return event;
  }
}
