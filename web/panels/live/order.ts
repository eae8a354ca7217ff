import type { LiveRow } from "../../app/live";

/** The rows of a list that somebody points at: those that are shown keep their places, also one that has nobody left, and new ones come
 *  below them. */
export function steady(shown: readonly string[], rows: readonly LiveRow[]): LiveRow[] {
  const visitors = new Map(rows.map((row) => [row.name, row.visitors]));
  const known = new Set(shown);
  return [...shown.map((name) => ({ name, visitors: visitors.get(name) ?? 0 })), ...rows.filter(({ name }) => !known.has(name))];
}
