import { useRef, useState } from "preact/hooks";

import { type Annotation, type Mark, marksOf } from "../lib/annotations";
import type { Bucket } from "../lib/buckets";
import { estimate, type Sureness } from "../lib/confidence";
import { plural } from "../lib/format";
import { brief, type Metric } from "../lib/metrics";
import { labelled, marks } from "./axis";
import { useCursor } from "./cursor";
import { Marks, textOf, TipNotes } from "./marks";
import { areaPath, linePath, type Point, type Span } from "./path";
import { useWidth } from "./width";

interface Line {
    buckets: readonly Bucket[];
    values: readonly (number | null)[];
    /** How far each may be off; undefined: all are counted. */
    intervals: readonly Sureness[] | undefined;
}

export interface Series extends Line {
    /** By the same numbers: the first day of the other period stands under the first of this one. */
    other: Line | undefined;
}

const HEIGHT = 280;
const TOP = 14;
const BOTTOM = 28;
const END = 14;
/** Marks of annotations closer than this become one; each is as large as a target has to be. */
const MARKS_APART = 26;

interface Props {
    metric: Metric;
    series: Series;
    /** By the bucket that they are of. */
    annotations?: readonly (readonly Annotation[])[];
    /** Shows those of some buckets, by their numbers, both included. */
    onOpen?: (from: number, to: number) => void;
}

/** Line and area over the number of the bucket. What is not over is dashed, what is not known is a gap. Left and right move through the
 *  points; as a slider, so that every screen reader leaves the arrow keys to it and says where it stands. */
export function TimeChart({ metric, series, annotations = [], onOpen }: Props) {
    const box = useRef<HTMLDivElement>(null);
    const width = useWidth(box);
    const { buckets, values, other } = series;
    const count = Math.max(buckets.length, other?.buckets.length ?? 0);
    const ticks = marks(metric.unit, Math.max(0, ...[series, ...(other ? [other] : [])].flatMap(reach)));
    const top = ticks[ticks.length - 1] as number;
    const tickLabels = ticks.map((tick) => brief(metric.unit, tick));
    const start = 16 + 7 * Math.max(...tickLabels.map(({ length }) => length));
    const plot = Math.max(1, width - start - END);
    const x = (index: number) => start + (count <= 1 ? plot / 2 : (index * plot) / (count - 1));
    const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
    const pointsOf = (all: Series["values"]) => all.map((value, index): Point => [x(index), value === null ? null : y(value)]);
    const spans = ({ values: all, intervals }: Line): Span[] =>
        (intervals ?? []).map((interval, index) => {
            const value = all[index] ?? null;
            // What is exact among estimates is where the band has no width.
            const [lower, upper] = interval === undefined ? [value, value] : (interval ?? [null, null]);
            const heightOf = (end: number | string | null) => (value === null || end === null ? null : y(Number(end)));
            return [x(index), heightOf(upper), heightOf(lower)];
        });
    const last = buckets.length - 1;
    const { at: shown, look, ...cursor } = useCursor(buckets.length, 7);
    const [pointed, point] = useState<Mark>();
    const drawnMarks = width > 0 ? marksOf(annotations, x, MARKS_APART) : [];

    const points = pointsOf(values);
    const running = buckets.findIndex(({ phase }) => phase === "running");
    const solid = running < 0 ? points : points.slice(0, running);
    const dashed = running > 0 ? points.slice(running - 1, running + 1) : [];
    const filled = (running < 0 ? points : points.slice(0, running + 1)).map(([at, height]) => [at, height, y(0)] as const);
    // A point between two gaps has no line to be seen by.
    const alone = points.filter(
        ([, height], index) => height !== null && (points[index - 1]?.[1] ?? null) === null && (points[index + 1]?.[1] ?? null) === null,
    );
    const labelledOnes = buckets.flatMap(({ label }, index) => (label === "" ? [] : [index]));
    const labels = labelled(labelledOnes.length, plot, 16 + 7.5 * Math.max(...buckets.map(({ label }) => label.length), 1)).map(
        (place) => labelledOnes[place] as number,
    );

    function nearest(event: PointerEvent): number {
        const at = event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
        return Math.min(last, Math.max(0, Math.round(((at - start) / plot) * (count - 1))));
    }

    const told = [describe(metric, series, shown ?? last), ...wordsOf(annotations[shown ?? last] ?? [])].join("; ");

    function onPoint(mark: Mark | undefined): void {
        point(mark);
        look(mark?.from);
    }

    function onKeyDown(event: KeyboardEvent): void {
        if (event.key !== "Enter" || shown === undefined || !onOpen) return cursor.onKeyDown(event);
        event.preventDefault();
        onOpen(shown, shown);
    }

    return (
        <div class="time-chart" ref={box}>
            {width > 0 && (
                <svg
                    width={width}
                    height={HEIGHT}
                    viewBox={`0 0 ${width} ${HEIGHT}`}
                    aria-label={`${metric.label} by time; arrow keys move through the points${onOpen ? ", Enter opens the annotations of one" : ""}`}
                    aria-valuetext={told}
                    onPointerMove={(event) => look(nearest(event))}
                    onPointerDown={(event) => look(nearest(event))}
                    {...cursor}
                    onKeyDown={onKeyDown}
                >
                    {ticks.map((tick, index) => (
                        <g key={tick}>
                            <line
                                class={tick === 0 ? "base" : "grid"}
                                x1={start}
                                x2={width - END}
                                y1={Math.round(y(tick)) + 0.5}
                                y2={Math.round(y(tick)) + 0.5}
                            />
                            <text x={start - 10} y={y(tick)} dy="0.35em" text-anchor="end">
                                {tickLabels[index]}
                            </text>
                        </g>
                    ))}
                    {labels.map((index) => (
                        <text key={index} x={x(index)} y={HEIGHT - 6} text-anchor={count > 1 && x(index) > width - END - 20 ? "end" : "middle"}>
                            {buckets[index]?.label}
                        </text>
                    ))}
                    {/* Of how far the numbers may be off. */}
                    {other?.intervals && <path class="band band-other" d={areaPath(spans(other))} />}
                    {series.intervals && <path class="band" d={areaPath(spans(series))} />}
                    {other && <path class="other" d={linePath(pointsOf(other.values))} />}
                    <path class="area" d={areaPath(filled)} />
                    <path class="line" d={linePath(solid)} />
                    {dashed.length > 0 && <path class="line running" d={linePath(dashed)} />}
                    {drawnMarks.map((mark) =>
                        [...new Set([mark.from, mark.to])].map((at) => <line key={at} class="mark" x1={x(at)} x2={x(at)} y1={TOP} y2={HEIGHT - BOTTOM} />),
                    )}
                    {alone.map(([at, height]) => (
                        <circle key={at} class="dot" cx={at} cy={height ?? 0} r="3.5" />
                    ))}
                    {shown !== undefined && (
                        <g class="looked-at">
                            <line x1={x(shown)} x2={x(shown)} y1={TOP} y2={HEIGHT - BOTTOM} />
                            {other && other.values[shown] != null && (
                                <circle class="other-dot" cx={x(shown)} cy={y(other.values[shown] ?? 0)} r="4" />
                            )}
                            {values[shown] != null && <circle class="dot" cx={x(shown)} cy={y(values[shown] ?? 0)} r="5" />}
                        </g>
                    )}
                </svg>
            )}
            <Marks marks={drawnMarks} buckets={buckets} x={x} onPoint={onPoint} onOpen={(mark) => onOpen?.(mark.from, mark.to)} />
            {shown !== undefined && (
                <Tip metric={metric} series={series} annotations={pointed?.annotations ?? annotations[shown] ?? []} index={shown} left={x(shown)} width={width} />
            )}
        </div>
    );
}

interface TipProps {
    metric: Metric;
    series: Series;
    annotations: readonly Annotation[];
    index: number;
    left: number;
    width: number;
}

function Tip({ metric, series, annotations, index, left, width }: TipProps) {
    const bucket = series.buckets[index];
    const other = series.other?.buckets[index];
    return (
        <div class={left > width / 2 ? "tip tip-before" : "tip"} style={{ left: `${left}px` }} aria-hidden="true">
            <p class="tip-title">{metric.label}</p>
            <p class="tip-row">
                <i class="key-line" />
                <span>
                    {bucket && named(bucket)}
                </span>
                <strong>{textAt(metric, series, index)}</strong>
            </p>
            {other && (
                <p class="tip-row">
                    <i class="key-line key-other" />
                    <span>{named(other)}</span>
                    <strong>{textAt(metric, series.other, index)}</strong>
                </p>
            )}
            <TipNotes annotations={annotations} />
        </div>
    );
}

/** "1,234 \u00b1 56". */
export const textAt = (metric: Metric, line: Line | undefined, index: number): string =>
    estimate(metric.unit, line?.values[index] ?? null, line?.intervals?.[index]);

/** What the axis has to hold: the numbers, and as far as they may be above. */
const reach = ({ values, intervals = [] }: Line): number[] => [...values.map((value) => value ?? 0), ...intervals.map((interval) => Number(interval?.[1] ?? 0))];

/** "Tue 24 Nov (so far)". */
export const named = ({ title, part }: Bucket): string => (part ? `${title} (${part})` : title);

const wordsOf = (annotations: readonly Annotation[]): string[] =>
    annotations.length > 0 ? [plural(annotations.length, "annotation"), ...annotations.map(textOf)] : [];

/** A point in words. */
export function describe(metric: Metric, series: Series, index: number): string {
    const { buckets, values, other } = series;
    const bucket = buckets[index];
    if (!bucket) return "no data";
    const value = values[index] ?? null;
    const otherBucket = other?.buckets[index];
    const otherValue = other?.values[index] ?? null;
    return [
        `${bucket.title}${bucket.part && `, ${bucket.part}`}: ${value === null ? "no data" : `${textAt(metric, series, index)} ${metric.label.toLowerCase()}`}`,
        otherBucket && otherValue !== null ? `${otherBucket.title}${otherBucket.part && `, ${otherBucket.part}`}: ${textAt(metric, other, index)}` : "",
    ]
        .filter(Boolean)
        .join("; ");
}
