import { addDays, addMonths, dayIn, isDayStart, longMonth, monday, shortDay, shortMonth, weekday } from "./calendar";
import type { Cell, Granularity } from "./query";

const HOUR_MS = 3_600_000;
/** More than a chart can show; the server has its own limit on rows. */
const BUCKETS_MAX = 4_000;

export interface Bucket {
  /** As the server names it: a day, or an instant in the site's zone. */
  key: string;
  /** On the axis; empty where another bucket speaks for it. */
  label: string;
  /** Where there is room. */
  title: string;
  /** In a sentence: "on Tue 24 Nov". */
  when: string;
  /** `running`: not over yet; `future`: not begun. */
  phase: "over" | "running" | "future";
  /** Where the numbers are of a part of it only, which: "so far", "until 13:34", "from 1 Oct"; else empty. */
  part: string;
}

/** Every bucket of a range, in order, those without data included: the server answers only buckets that have some. `from` and `to` are
 *  the range's first instant and the first one after it, written in the site's zone: no other clock is asked. */
export function bucketsOf(granularity: Granularity, range: { from: string; to: string; timezone: string }, asOf: string): Bucket[] {
  return granularity === "hour" ? hours(range, asOf) : days(granularity, range, asOf);
}

function days(granularity: "day" | "week" | "month", { from, to, timezone }: { from: string; to: string; timezone: string }, asOf: string): Bucket[] {
  const next = { day: (day: string) => addDays(day, 1), week: (day: string) => addDays(day, 7), month: (day: string) => addMonths(day, 1) }[
    granularity
  ];
  const last = lastDay(to);
  const endsAt = last === to.slice(0, 10) ? to.slice(11, 16) : "";
  const today = dayIn(timezone, Date.parse(asOf));
  const first = from.slice(0, 10);
  const list: Bucket[] = [];
  for (
    let day = { day: first, week: monday(first), month: addMonths(first, 0) }[granularity];
    day <= last && list.length < BUCKETS_MAX;
    day = next(day)
  ) {
    const label = granularity === "month" ? shortMonth(day) : shortDay(day);
    const title = { day: weekday(day), week: `week of ${shortDay(day)}`, month: longMonth(day) }[granularity];
    const when = { day: `on ${title}`, week: `in the ${title}`, month: `in ${title}` }[granularity];
    const phase = day > today ? "future" : next(day) > today ? "running" : "over";
    list.push({ key: day, label, title, when, phase, part: phase === "running" ? "so far" : partOf(day, next(day)) });
  }
  return list;

  function partOf(day: string, after: string): string {
    if (day <= last && last < after && endsAt) return granularity === "day" ? `until ${endsAt}` : `until ${shortDay(last)}, ${endsAt}`;
    if (after > addDays(last, 1)) return `until ${shortDay(last)}`;
    return day < first ? `from ${shortDay(first)}` : "";
  }
}

/** The day before the first instant after: "2026-11-25T00:00:00+01:00" ends the 24th, and so does an instant during the 24th. */
function lastDay(to: string): string {
  return isDayStart(to) ? addDays(to.slice(0, 10), -1) : to.slice(0, 10);
}

function hours({ from, to, timezone }: { from: string; to: string; timezone: string }, asOf: string): Bucket[] {
  const [start, end, now] = [from, to, asOf].map((text) => Date.parse(text)) as [number, number, number];
  const clock = clockIn(timezone);
  // Over several days the hours are too many to be named: each day is, at its midnight.
  const several = end - start > 30 * HOUR_MS;
  const list: Bucket[] = [];
  for (let at = start; at < end && list.length < BUCKETS_MAX; at += HOUR_MS) {
    const day = dayIn(timezone, at);
    const named = several ? (clock(at) === "00:00" ? shortDay(day) : "") : clock(at);
    const phase = at > now ? "future" : at + HOUR_MS > now ? "running" : "over";
    list.push({
      key: new Date(at).toISOString(),
      label: named,
      title: `${weekday(day)}, ${clock(at)}`,
      when: `at ${clock(at)} on ${weekday(day)}`,
      phase,
      part: phase === "running" ? "so far" : at + HOUR_MS > end ? `until ${clock(end)}` : "",
    });
  }
  return list;
}

/** The clock of a zone: "13:34". */
export function clockIn(timezone: string): (ms: number) => string {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: timezone });
  } catch {
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
  }
  return (ms) => format.format(ms);
}

/** What the row of each bucket has; undefined where the server has no row. */
export function ofBuckets<T>(buckets: readonly Bucket[], rows: readonly Cell[][], of: (row: readonly Cell[], index: number) => T): (T | undefined)[] {
  const byKey = new Map(rows.map((row, index) => [keyOf(row[0]), of(row, index)]));
  return buckets.map(({ key }) => byKey.get(keyOf(key)));
}

/** One column of the rows, a value a bucket. Where the server has no row: 0 for what is counted, unknown for a ratio; nothing at all for
 *  what has not begun. */
export function valuesOf(buckets: readonly Bucket[], rows: readonly Cell[][], column: number, absent: "zero" | "gap"): (number | null)[] {
  return ofBuckets(buckets, rows, (row) => row[column]).map((value, index) => {
    if (buckets[index]?.phase === "future") return null;
    if (value === undefined) return absent === "zero" ? 0 : null;
    return typeof value === "number" ? value : null;
  });
}

/** An hour is the same whatever offset it is written with. */
function keyOf(cell: Cell | undefined): string {
  const text = String(cell ?? "");
  return text.length > 10 ? String(Date.parse(text)) : text;
}

/** The first day of the first bucket and the last one of the last. */
export function daysIn(granularity: Granularity, { from, to }: { from: Bucket; to: Bucket }, timezone: string): { from: string; to: string } {
  if (granularity === "hour") return { from: dayIn(timezone, Date.parse(from.key)), to: dayIn(timezone, Date.parse(to.key)) };
  return { from: from.key, to: { day: to.key, week: addDays(to.key, 6), month: addDays(addMonths(to.key, 1), -1) }[granularity] };
}
