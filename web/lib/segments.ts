import { call, FOREIGN, ApiError } from "./api";
import { conditionOf, filterOf } from "./filter";
import type { FilterTree } from "./query";

/** Filters under a name, which a question takes as `segment`. */
export interface Segment {
  id: string;
  name: string;
  /** As the server keeps them. */
  filters: readonly unknown[];
}

/** The server's limits. */
export const SEGMENT_NAME_MAX = 64;
export const SEGMENTS_MAX = 50;

const pathOf = (siteId: string, segment?: Pick<Segment, "id">): string =>
  `/api/v1/sites/${encodeURIComponent(siteId)}/segments${segment ? `/${encodeURIComponent(segment.id)}` : ""}`;

export async function getSegments(siteId: string): Promise<Segment[]> {
  const body = (await call(pathOf(siteId))) as { segments?: Segment[] };
  if (!Array.isArray(body?.segments)) throw new ApiError(FOREIGN);
  return body.segments;
}

/** By name, unless it has an id: then what it was is replaced. */
export async function saveSegment(siteId: string, segment: Omit<Segment, "id"> & { id?: string }): Promise<void> {
  const { id, name, filters } = segment;
  await call(pathOf(siteId, id === undefined ? undefined : { id }), { method: id === undefined ? "POST" : "PUT", body: { name, filters } });
}

export async function removeSegment(siteId: string, segment: Segment): Promise<void> {
  await call(pathOf(siteId, segment), { method: "DELETE", body: {} });
}

/** The filters of a page as a segment keeps them. */
export const kept = (filters: readonly FilterTree[]): readonly unknown[] => filters.map((filter) => conditionOf(filter));

/** The filters of a segment as a page has them; undefined where one is of a newer server's kind. */
export function filtersOf({ filters }: Pick<Segment, "filters">): FilterTree[] | undefined {
  const known = filters.map((filter) => filterOf(filter)).filter((filter) => filter !== undefined);
  return known.length === filters.length ? known : undefined;
}
