import { useState } from "preact/hooks";

import type { Reply } from "../../app/board";
import type { Annotations } from "../../app/annotations";
import { textOf } from "../../charts/marks";
import { named, type Series, textAt, TimeChart } from "../../charts/timeline";
import { type Annotation, annotationsIn } from "../../lib/annotations";
import type { Bucket } from "../../lib/buckets";
import type { Metric } from "../../lib/metrics";
import type { Granularity } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { Failure } from "../../ui/states";
import { finding, granularityIn, seriesOf } from "./series";

export const ANNOTATIONS_BUTTON = "annotations-button";

const SURE = "95\u00a0% sure";

const NAMES = { hour: "Hours", day: "Days", week: "Weeks", month: "Months" } as const;

interface Props {
    reply: Reply;
    /** The numbers above, often of the same question: their query is shown here too. */
    headline: Reply;
    metric: Metric;
    everything: boolean;
    /** "previous period": what the dashed line is. */
    against: string;
    granularity: Granularity;
    granularities: readonly Granularity[];
    onGranularity: (granularity: Granularity) => void;
    onExplain: (title: string, reply: Reply) => void;
    /** The points as a file. */
    onDownload: (reply: Reply) => void;
    onRetry: () => void;
    /** What is noted of the site, and what can be done about it; undefined: nothing. */
    notes?: Notes;
}

export interface Notes {
    annotations: Annotations;
    timezone: string;
    mayEdit: boolean;
    /** Those from one bucket to another; undefined: all of the period. */
    onOpen: (between: { from: Bucket; to: Bucket } | undefined) => void;
}

export function Timeline({ notes, reply, headline, metric, everything, against, granularity, granularities, onGranularity, onExplain, onDownload, onRetry }: Props) {
    const [asTable, setAsTable] = useState(false);
    const { answer, error, waiting } = reply;
    if (error && !answer) return <Failure problem={error} what="The chart" onRetry={onRetry} />;
    const series = answer && seriesOf(answer, metric, everything);
    const noted = notes?.annotations.list.value ?? [];
    const lists = answer && series && notes ? annotationsIn(series.buckets, granularityIn(answer), noted, notes.timezone) : [];

    function open(from: number, to: number): void {
        const [first, last] = [series?.buckets[from], series?.buckets[to]];
        if (first && last) notes?.onOpen({ from: first, to: last });
    }
    return (
        <figure class="timeline" aria-busy={waiting}>
            {error && <Failure problem={error} what="A newer state of the chart" onRetry={onRetry} />}
            <div class="timeline-head">
                <figcaption>{answer && series ? finding(answer, metric, series, against) : <i class="skeleton wide" />}</figcaption>
                <div class="timeline-tools">
                    {granularities.length > 1 && (
                        <Menu
                            label={`Points: ${NAMES[granularity].toLowerCase()}`}
                            kind="quiet-button"
                            align="end"
                            items={granularities.map((name) => ({
                                label: NAMES[name],
                                checked: name === granularity,
                                run: () => onGranularity(name),
                            }))}
                        >
                            {NAMES[granularity]}
                            <Icon name="down" size={12} />
                        </Menu>
                    )}
                    <button type="button" class="quiet-button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
                        <Icon name="table" size={14} />
                        <span class="tool-text">Show as table</span>
                    </button>
                    {notes && (notes.mayEdit || noted.length > 0) && (
                        <button type="button" class="quiet-button" id={ANNOTATIONS_BUTTON} aria-haspopup="dialog" onClick={() => notes.onOpen(undefined)}>
                            <Icon name="note" size={14} />
                            <span class="tool-text">Annotations</span>
                        </button>
                    )}
                    <Menu
                        label="Chart: more"
                        kind="icon-button"
                        align="end"
                        items={[
                            { label: "Download as CSV", run: () => onDownload(reply) },
                            ...(headline.query === reply.query
                                ? [{ label: "Show query", run: () => onExplain("numbers and chart", reply) }]
                                : [
                                      { label: "Show query of the numbers", run: () => onExplain("headline", headline) },
                                      { label: "Show query of the chart", run: () => onExplain("chart", reply) },
                                  ]),
                        ]}
                    >
                        <Icon name="more" />
                    </Menu>
                </div>
            </div>
            <div class={waiting && answer ? "timeline-body stale" : "timeline-body"}>
                {!series ? (
                    <div class="chart-skeleton skeleton" aria-hidden="true" />
                ) : asTable ? (
                    <SeriesTable metric={metric} series={series} against={against} annotations={lists} />
                ) : (
                    <TimeChart metric={metric} series={series} annotations={lists} {...(notes ? { onOpen: open } : {})} />
                )}
            </div>
            {/* Its line is there before it has a word, so that nothing moves. */}
            <p class={asTable || !series ? "legend gone" : "legend"} aria-hidden="true">
                <span>
                    <i class="key-line" />
                    {metric.label}
                </span>
                {series?.other && (
                    <span>
                        <i class="key-line key-other" />
                        {against.charAt(0).toUpperCase() + against.slice(1)}
                    </span>
                )}
                {(series?.intervals ?? series?.other?.intervals) && (
                    <span>
                        <i class="key-band" />
                        {SURE}
                    </span>
                )}
                {series?.buckets.some(({ phase }) => phase === "running") && (
                    <span>
                        <i class="key-line key-running" />
                        Not over yet
                    </span>
                )}
            </p>
            {notes?.annotations.failure.value && (
                <p class="partial">
                    The annotations could not be loaded. {notes.annotations.failure.value}{" "}
                    <button type="button" class="text-button" onClick={() => void notes.annotations.load()}>
                        Load them again
                    </button>
                </p>
            )}
        </figure>
    );
}

interface TableProps {
    metric: Metric;
    series: Series;
    against: string;
    /** By bucket. */
    annotations: readonly (readonly Annotation[])[];
}

function SeriesTable({ metric, series, against, annotations }: TableProps) {
    const hasNotes = annotations.some((list) => list.length > 0);
    return (
        <div class="scroll" tabIndex={0} role="region" aria-label={`${metric.label} by time, as a table`}>
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">Time</th>
                        <th scope="col">{metric.label}</th>
                        {series.other && <th scope="col">{against.charAt(0).toUpperCase() + against.slice(1)}</th>}
                        {hasNotes && (
                            <th scope="col" class="noted">
                                Annotations
                            </th>
                        )}
                    </tr>
                </thead>
                <tbody>
                    {series.buckets.map((bucket, index) => (
                        <tr key={bucket.key}>
                            <th scope="row">
                                {named(bucket)}
                            </th>
                            <td>{textAt(metric, series, index)}</td>
                            {series.other && (
                                <td>
                                    <Other bucket={series.other.buckets[index]} text={textAt(metric, series.other, index)} />
                                </td>
                            )}
                            {hasNotes && <td class="noted">{(annotations[index] ?? []).map(textOf).join("; ")}</td>}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

function Other({ bucket, text }: { bucket: Bucket | undefined; text: string }) {
    return bucket ? (
        <>
            <span class="quiet">{named(bucket)}</span> {text}
        </>
    ) : (
        <span class="quiet">{"\u2013"}</span>
    );
}
