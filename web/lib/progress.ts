/** How far a question is that is being answered, as the server says several times a second. */
export interface Progress {
  rows_read: number;
  /** Null while it is not known. */
  rows_total: number | null;
  /** Since the question came. */
  elapsed_ms: number;
}

export type OnProgress = (progress: Progress) => void;

/** What comes sooner is not worth a word: it would be gone before it is read. */
const SHOWN_AFTER_MS = 500;

const long = new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long", maximumFractionDigits: 1 });

export function isProgress(told: unknown): told is Progress {
  if (typeof told !== "object" || told === null) return false;
  const { rows_read, rows_total = null, elapsed_ms } = told as Partial<Progress>;
  return [rows_read, rows_total ?? 0, elapsed_ms].every((value) => typeof value === "number");
}

export const isLate = ({ elapsed_ms }: Progress): boolean => elapsed_ms >= SHOWN_AFTER_MS;

/** The rows that there are to read, as far as is known: the server's number is an estimate, and of more than all nothing is read. */
export function totalOf({ rows_read, rows_total }: Progress): number | undefined {
  return rows_total ? Math.max(rows_read, rows_total) : undefined;
}

/** "12.3 million of 30 million rows read". Of a question that waits for its turn, or is counted for somebody who asked it before, the server
 *  tells no rows, and not which of both it is. */
export function progressText(progress: Progress): string {
  const { rows_read: read } = progress;
  const total = totalOf(progress);
  if (total !== undefined) return `${long.format(read)} of ${long.format(total)} rows read`;
  return read > 0 ? `${long.format(read)} ${read === 1 ? "row" : "rows"} read` : "Waiting for the answer";
}
