/** Paths of an SVG through points whose value may not be known: there a path has a gap. */

/** To a thousandth of a pixel. */
const at = (x: number, y: number): string => `${Math.round(x * 1_000) / 1_000},${Math.round(y * 1_000) / 1_000}`;

/** The stretches of points between gaps. */
function stretches<Point>(points: readonly Point[], isKnown: (point: Point) => boolean): Point[][] {
  const found: Point[][] = [[]];
  for (const point of points)
    if (isKnown(point)) found.at(-1)?.push(point);
    else found.push([]);
  return found.filter(({ length }) => length > 0);
}

export type Point = readonly [x: number, y: number | null];

/** A line. A point alone is a closed path, which round ends of the stroke make visible. */
export function linePath(points: readonly Point[]): string {
  const text = ([x, y]: Point) => at(x, y ?? 0);
  return stretches(points, ([, y]) => y !== null)
    .map((known) => `M${known.map(text).join("L")}${known.length === 1 ? "Z" : ""}`)
    .join("");
}

export type Span = readonly [x: number, upper: number | null, lower: number | null];

/** What lies between two lines. */
export function areaPath(spans: readonly Span[]): string {
  return stretches(spans, ([, upper, lower]) => upper !== null && lower !== null)
    .map((known) => {
      const there = known.map(([x, upper]) => at(x, upper ?? 0));
      const back = known.map(([x, , lower]) => at(x, lower ?? 0)).reverse();
      return `M${[...there, ...back].join("L")}Z`;
    })
    .join("");
}
