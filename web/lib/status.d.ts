/** The answer of `GET /api/v1/status`. Times are ISO 8601 in UTC. */
export interface Status {
  version: string;
  /** When this process began to serve. */
  started_at: string;
  now: string;
  ready: { ok: boolean; not_ready: NotReady[] };
  /** The last 30 minutes, oldest first; the last one is still running. */
  minutes: Minute[];
  /** Since the process began. */
  totals: { accepted: number; duplicates: number; rejected: Record<string, number> };
  /** `lag_seconds`: age of the oldest event that is in the log and not yet in the store, 0 where there is none. */
  loader: { lag_seconds: number; stored: number };
  store: { state: string; engine_version: string };
  log: { end_offset: number; bytes: number };
  /** `next_offset`: the first entry of the log that the archive lacks, `lag_seconds` its age; `problem`: why it does not get on. */
  archive: { on: boolean; next_offset: number; bytes: number; lag_seconds: number; problem: string };
}

export interface NotReady {
  part: string;
  reason: string;
}

export interface Minute {
  minute: string;
  accepted: number;
  duplicates: number;
  rejected: number;
}
