import type { Reply } from "../../app/board";
import { isDayStart, shortDay } from "../../lib/calendar";
import { changeOf } from "../../lib/change";
import { errorSentence, errorText, estimate, intervalOf, surenessOf } from "../../lib/confidence";
import { brief, METRICS, type MetricName, whole } from "../../lib/metrics";
import type { Query } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { Estimate, Failure } from "../../ui/states";

export function headlineQuery(base: Query, compare: Query["compare"]): Query {
    return { ...base, metrics: METRICS.map(({ name }) => name), ...(compare ? { compare } : {}) };
}

/** The numbers on top. Each is a switch: the one that is on is drawn below. */
export function Headline({
    reply,
    chosen,
    against,
    isExact,
    onExact,
    onChoose,
    onRetry,
}: {
    reply: Reply;
    chosen: MetricName;
    against: string;
    isExact: boolean;
    onExact: (exact: boolean) => void;
    onChoose: (metric: MetricName) => void;
    onRetry: () => void;
}) {
    const { answer, error, waiting } = reply;
    if (error && !answer) return <Failure problem={error} what="The headline" onRetry={onRetry} />;
    const other = answer?.comparison;
    return (
        <>
            {error && <Failure problem={error} what="A newer state of the headline" onRetry={onRetry} />}
            <ul
                class={waiting && answer ? "headline stale" : "headline"}
                aria-label="Metrics; the one that is on is drawn as a chart"
                aria-busy={waiting}
            >
                {METRICS.map((metric) => {
                    const value = answer?.totals?.[metric.name] ?? null;
                    const interval = intervalOf(answer?.meta, metric.name);
                    const sure = errorSentence(metric.unit, answer?.meta, interval);
                    const change = changeOf(metric, value, other?.totals?.[metric.name]);
                    return (
                        <li key={metric.name}>
                            <button type="button" aria-pressed={metric.name === chosen} onClick={() => onChoose(metric.name)}>
                                <span class="headline-name">{metric.label}</span>
                                {answer ? (
                                    <span class="headline-value" title={[whole(metric.unit, value), sure].filter(Boolean).join("; ")}>
                                        {brief(metric.unit, value)}
                                        {interval && (
                                            <small>
                                                <span aria-hidden="true">{errorText(value, interval)}</span>
                                                <span class="visually-hidden">{sure}</span>
                                            </small>
                                        )}
                                    </span>
                                ) : (
                                    <span class="headline-value">
                                        <i class="skeleton" />
                                    </span>
                                )}
                                <span
                                    class={`change ${change?.verdict ?? ""} ${change?.direction ?? ""}`}
                                    title={
                                        change && other
                                            ? `${estimate(metric.unit, other.totals?.[metric.name] ?? null, surenessOf(other, metric.name))} in the ${against}${cutText(other.to)}`
                                            : undefined
                                    }
                                >
                                    {change ? (
                                        <>
                                            {(change.direction === "up" || change.direction === "down") && <Icon name="up" size={12} />}
                                            <span aria-hidden="true">{change.text}</span>
                                            <span class="visually-hidden">
                                                {change.spoken} against the {against}
                                            </span>
                                        </>
                                    ) : (
                                        "\u00a0"
                                    )}
                                </span>
                            </button>
                        </li>
                    );
                })}
            </ul>
            <Estimate meta={answer?.meta} isExact={isExact} onExact={onExact} />
        </>
    );
}

/** The other period ends where this one stands now. */
function cutText(to: string): string {
    return isDayStart(to) ? "" : `, until ${shortDay(to.slice(0, 10))}, ${to.slice(11, 16)}`;
}
