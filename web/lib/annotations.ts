import { ApiError, call, FOREIGN } from "./api";
import { type Bucket, clockIn } from "./buckets";
import { addDays, addMonths, dayIn } from "./calendar";
import type { Granularity } from "./query";

/** A note of what happened on a day of the site's calendar. */
export interface Annotation {
  id: string;
  date: string;
  /** "09:30" by the site's clock; null: the whole day. */
  time: string | null;
  text: string;
  /** Null: a command, a key, or somebody who is gone. */
  created_by: string | null;
}

/** The server's limit. */
export const ANNOTATION_LENGTH_MAX = 500;

const pathOf = (siteId: string, id?: string): string =>
  `/api/v1/sites/${encodeURIComponent(siteId)}/annotations${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;

/** By day and time; of all days where none are named. */
export async function getAnnotations(siteId: string, days: { from: string; to: string } | undefined): Promise<Annotation[]> {
  const body = (await call(`${pathOf(siteId)}${days ? `?from=${days.from}&to=${days.to}` : ""}`)) as { annotations?: Annotation[] };
  if (!Array.isArray(body?.annotations)) throw new ApiError(FOREIGN);
  return body.annotations;
}

/** Another one, or what was said in the one with that id anew. */
export async function saveAnnotation(siteId: string, { id, ...rest }: Pick<Annotation, "date" | "time" | "text"> & { id: string | undefined }): Promise<void> {
  await call(pathOf(siteId, id), { method: id === undefined ? "POST" : "PUT", body: rest });
}

export async function removeAnnotation(siteId: string, id: string): Promise<void> {
  await call(pathOf(siteId, id), { method: "DELETE", body: {} });
}

/** Which of them fall into each bucket, in their order; what falls into none is left out. */
export function annotationsIn(buckets: readonly Bucket[], granularity: Granularity, annotations: readonly Annotation[], timezone: string): Annotation[][] {
  const lists = buckets.map((): Annotation[] => []);
  if (annotations.length === 0) return lists;
  const placeOf = granularity === "hour" ? hourPlaces(buckets, timezone) : dayPlaces(buckets, granularity);
  for (const annotation of annotations) lists[placeOf(annotation)]?.push(annotation);
  return lists;
}

type PlaceOf = (annotation: Annotation) => number;

function dayPlaces(buckets: readonly Bucket[], granularity: "day" | "week" | "month"): PlaceOf {
  const last = buckets[buckets.length - 1]?.key ?? "";
  const end = last && { day: () => addDays(last, 1), week: () => addDays(last, 7), month: () => addMonths(last, 1) }[granularity]();
  return ({ date }) => (date < end ? buckets.filter(({ key }) => key <= date).length - 1 : -1);
}

/** What is of a whole day stands at its first hour. An hour that the clock shows twice is its first one. */
function hourPlaces(buckets: readonly Bucket[], timezone: string): PlaceOf {
  const clock = clockIn(timezone);
  const starts = buckets.map(({ key }) => ({ day: dayIn(timezone, Date.parse(key)), hour: clock(Date.parse(key)) }));
  return ({ date, time }) => {
    const first = starts.findIndex(({ day }) => day === date);
    if (first < 0 || time === null) return first;
    const hour = starts.reduce((best, start, index) => (start.day === date && start.hour <= time && start.hour > (starts[best]?.hour ?? "") ? index : best), first);
    return hour;
  };
}

/** A mark of a chart: of one bucket, or of several that lie too close for a mark each. */
export interface Mark {
  from: number;
  to: number;
  annotations: readonly Annotation[];
}

/** Marks no closer than `apart`, where `x` is the place of a bucket. */
export function marksOf(lists: readonly (readonly Annotation[])[], x: (bucket: number) => number, apart: number): Mark[] {
  const marks: Mark[] = [];
  lists.forEach((annotations, at) => {
    const before = marks[marks.length - 1];
    if (annotations.length === 0) return;
    if (before && x(at) - x(before.from) < apart) {
      before.to = at;
      before.annotations = [...before.annotations, ...annotations];
    } else marks.push({ from: at, to: at, annotations });
  });
  return marks;
}
