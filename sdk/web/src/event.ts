import type { Scalar } from "./api";

export type Data = Record<string, Scalar | Record<string, Scalar>>;

/** One element of the body of POST /api/v1/events. */
export interface FootfallEvent {
  event_id: string;
  type: string;
  tracking_id: string;
  user_id: string | undefined;
  data: Data;
  context: Record<string, Scalar>;
  /** The client's clock at the latest sending: the server measures the clock's error by it. */
  sent_at?: number;
  /** How many events of this page were dropped, unsent, before this was sent. */
  dropped?: number | undefined;
}
