import { useRef } from "preact/hooks";

import { count, plural } from "../lib/format";
import { labelled, marks } from "./axis";
import { useCursor } from "./cursor";
import { useWidth } from "./width";

export interface Bar {
    /** On the site's clock: "13:34". */
    clock: string;
    pageviews: number;
    visitors: number;
}

const HEIGHT = 196;
const TOP = 12;
const BOTTOM = 26;
const END = 4;

/** A bar a minute: pageviews as the outline, visitors as what fills it. The last minute runs, and is dashed. */
export function MinuteChart({ bars }: { bars: readonly Bar[] }) {
    const box = useRef<HTMLDivElement>(null);
    const width = useWidth(box);
    const last = bars.length - 1;
    const { at, look, ...cursor } = useCursor(bars.length, 5);
    const ticks = marks("count", Math.max(0, ...bars.map(({ pageviews, visitors }) => Math.max(pageviews, visitors))), 3);
    const top = ticks[ticks.length - 1] as number;
    const start = 16 + 7 * Math.max(...ticks.map((tick) => count(tick).length));
    const slot = Math.max(1, width - start - END) / Math.max(1, bars.length);
    const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
    const inset = Math.min(2.5, slot * 0.16);
    const fives = bars.flatMap(({ clock }, index) => (Number(clock.slice(3)) % 5 === 0 ? [index] : []));
    const labels = labelled(fives.length, width - start, 52).map((place) => fives[place] as number);
    const bar = bars[at ?? last];

    function nearest(event: PointerEvent): number {
        const x = event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
        return Math.min(last, Math.max(0, Math.floor((x - start) / slot)));
    }

    return (
        <div class="minute-chart" ref={box}>
            {width > 0 && (
                <svg
                    width={width}
                    height={HEIGHT}
                    viewBox={`0 0 ${width} ${HEIGHT}`}
                    aria-label="Pageviews and visitors by minute; arrow keys move through the minutes"
                    aria-valuetext={bar ? describe(bar, (at ?? last) === last) : "no data"}
                    onPointerMove={(event) => look(nearest(event))}
                    onPointerDown={(event) => look(nearest(event))}
                    {...cursor}
                >
                    {ticks.map((tick) => (
                        <g key={tick}>
                            <line
                                class={tick === 0 ? "base" : "grid"}
                                x1={start}
                                x2={width - END}
                                y1={Math.round(y(tick)) + 0.5}
                                y2={Math.round(y(tick)) + 0.5}
                            />
                            <text x={start - 8} y={y(tick)} dy="0.35em" text-anchor="end">
                                {count(tick)}
                            </text>
                        </g>
                    ))}
                    {labels.map((index) => (
                        <text key={index} x={start + (index + 0.5) * slot} y={HEIGHT - 6} text-anchor={index > last - 2 ? "end" : "middle"}>
                            {bars[index]?.clock}
                        </text>
                    ))}
                    {at !== undefined && <rect class="looked-at" x={start + at * slot} width={slot} y={TOP} height={HEIGHT - TOP - BOTTOM} />}
                    {bars.map(({ pageviews, visitors }, index) => {
                        const place = { x: start + index * slot + inset, width: Math.max(1, slot - 2 * inset), rx: 1.5 };
                        return (
                            <g key={index} class={index === last ? "running" : undefined}>
                                {pageviews > 0 && <rect class="pageviews" {...place} y={y(pageviews)} height={y(0) - y(pageviews)} />}
                                {visitors > 0 && <rect class="visitors" {...place} y={y(visitors)} height={y(0) - y(visitors)} />}
                            </g>
                        );
                    })}
                </svg>
            )}
            {at !== undefined && bar && (
                <div
                    class={at > last / 2 ? "tip tip-before" : "tip"}
                    style={{ left: `${start + (at + 0.5) * slot}px` }}
                    aria-hidden="true"
                >
                    <p class="tip-title">{at === last ? `${bar.clock} (so far)` : bar.clock}</p>
                    <p class="tip-row">
                        <i class="key-box key-pageviews" />
                        <span>Pageviews</span>
                        <strong>{count(bar.pageviews)}</strong>
                    </p>
                    <p class="tip-row">
                        <i class="key-box" />
                        <span>Visitors</span>
                        <strong>{count(bar.visitors)}</strong>
                    </p>
                </div>
            )}
        </div>
    );
}

function describe({ clock, pageviews, visitors }: Bar, running: boolean): string {
    return `${clock}${running ? ", so far" : ""}: ${plural(pageviews, "pageview")}, ${plural(visitors, "visitor")}`;
}
