import { visible } from "../../lib/format";
import { filtersOf, type Segment } from "../../lib/segments";
import { wordsOfFilter } from "../filters/names";

/** Of blanks nothing can be seen. */
export const nameOfSegment = (name: string): string => visible(name, "(blank)");

/** "Country is Germany; Page contains /blog". */
export function wordsOfSegment(segment: Pick<Segment, "filters">): string {
  return filtersOf(segment)?.map(wordsOfFilter).join("; ") ?? "Its filters are not known to this page. Reload it: the server may have been updated.";
}
