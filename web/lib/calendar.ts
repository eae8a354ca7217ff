/** Days as text, "2026-11-24". Sums are done in UTC, where every day has 24 hours; which day an instant belongs to is the site's matter. */

const DAY_MS = 86_400_000;

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

export function daysBetween(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / DAY_MS);
}

export function addMonths(day: string, months: number): string {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

/** Between the months of two days. */
export function monthsBetween(first: string, last: string): number {
  const [[year = 0, month = 0], [lastYear = 0, lastMonth = 0]] = [first, last].map((day) => day.split("-").map(Number)) as [number[], number[]];
  return 12 * (lastYear - year) + lastMonth - month;
}

export function monday(day: string): string {
  return addDays(day, -((new Date(Date.parse(day)).getUTCDay() + 6) % 7));
}

export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && addDays(text, 0) === text;
}

/** "2026-11-25T00:00:00+01:00": where a day begins, in the zone in which it is written. */
export function isDayStart(instant: string): boolean {
  return /T00:00(:00(\.0+)?)?(Z|[+-]|$)/.test(instant);
}

/** The day of an instant in a zone. An unknown zone (a newer server's, an older browser's) counts as UTC. */
export function dayIn(timezone: string, instantMs: number): string {
  let format: Intl.DateTimeFormat;
  const options = { year: "numeric", month: "2-digit", day: "2-digit", calendar: "gregory" } as const;
  try {
    format = new Intl.DateTimeFormat("en", { ...options, timeZone: timezone });
  } catch {
    format = new Intl.DateTimeFormat("en", { ...options, timeZone: "UTC" });
  }
  const part = Object.fromEntries(format.formatToParts(instantMs).map(({ type, value }) => [type, value]));
  return `${part["year"]}-${part["month"]}-${part["day"]}`;
}

const utc = { timeZone: "UTC" } as const;
const dayText = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...utc });
const dayYearText = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", ...utc });
const weekdayText = new Intl.DateTimeFormat("en-GB", { weekday: "short", ...utc });
const monthText = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", ...utc });
const monthShortText = new Intl.DateTimeFormat("en-GB", { month: "short", ...utc });

/** "24 Nov". */
export const shortDay = (day: string): string => dayText.format(Date.parse(day));
/** "24 Nov 2026". */
export const longDay = (day: string): string => dayYearText.format(Date.parse(day));
/** "Tue 24 Nov". */
export const weekday = (day: string): string => `${weekdayText.format(Date.parse(day))} ${shortDay(day)}`;
/** "Nov 2026". */
export const longMonth = (day: string): string => monthText.format(Date.parse(day));
/** "Nov". */
export const shortMonth = (day: string): string => monthShortText.format(Date.parse(day));

/** "24 Nov 2026", "1–24 Nov 2026" or "25 Oct – 23 Nov 2026": both days included. */
export function dayRange(first: string, last: string): string {
  if (first === last) return longDay(first);
  if (first.slice(0, 7) === last.slice(0, 7)) return `${Number(first.slice(8))}\u2013${longDay(last)}`;
  return first.slice(0, 4) === last.slice(0, 4) ? `${shortDay(first)} \u2013 ${longDay(last)}` : `${longDay(first)} \u2013 ${longDay(last)}`;
}
