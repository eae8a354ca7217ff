import { type Bar, barsOf, BREAKDOWN_MAX, type FunnelAnswer, rateText } from "../lib/funnel";
import { count, narrow, plural, visible } from "../lib/format";
import type { Per } from "../lib/step";
import { nameOfDimension, nameOfValue } from "../panels/filters/names";
import { Empty, Partial } from "../ui/states";

interface StepsProps {
    answer: FunnelAnswer;
    per: Per;
    isFiltered: boolean;
    /** Who did not reach the step of that place is asked for. */
    onDropped: (index: number) => void;
}

/** How many reached each step, as bars with their numbers. */
export function FunnelSteps({ answer, per, isFiltered, onDropped }: StepsProps) {
    const bars = barsOf(answer.steps, per);
    const first = bars[0]?.count ?? 0;
    if (first === 0)
        return (
            <Empty title="Nobody reached the first step in this period">
                {isFiltered ? "A filter is set: without it there may be some." : "Choose another period, or see whether the step is spelled as the site has it."}
            </Empty>
        );
    return (
        <>
            <p class="quiet" role="status">
                {finding(bars, per)}
            </p>
            <ol class="funnel" aria-label="Reached steps">
                {bars.map((bar, index) => (
                    <li class="funnel-step" key={index}>
                        <div class="funnel-reach">
                            <p class="funnel-name" title={bar.name}>
                                <span class="step-number" aria-hidden="true">
                                    {index + 1}
                                </span>
                                <span class="cut">{visible(bar.name, "(blank)")}</span>
                            </p>
                            <div class="funnel-track" aria-hidden="true">
                                <i class="funnel-lost" style={{ width: `${bars[index - 1]?.ofFirst ?? 0}%` }} />
                                {bar.count > 0 && <i class="funnel-bar" style={{ width: `${bar.ofFirst ?? 0}%` }} />}
                            </div>
                        </div>
                        <dl class="funnel-numbers">
                            {numbersOf(bar, index === 0, per, first).map(([label, value, exact]) => (
                                <div key={label}>
                                    <dt>{label}</dt>
                                    <dd title={exact}>
                                        {label === "Drop-off" && bar.lost > 0 ? (
                                            <button
                                                type="button"
                                                class="text-button"
                                                aria-haspopup="dialog"
                                                aria-label={`${value} lost before step ${index + 1}: who`}
                                                onClick={() => onDropped(index)}
                                            >
                                                {value}
                                            </button>
                                        ) : (
                                            value
                                        )}
                                    </dd>
                                </div>
                            ))}
                        </dl>
                    </li>
                ))}
            </ol>
            <Partial meta={answer.meta} />
        </>
    );
}

/** Name, text, and where that is short the exact number. The first step has lost nobody, and is a share of none before. */
function numbersOf(bar: Bar, isFirst: boolean, per: Per, most: number): [string, string, string?][] {
    const counted = (name: string, value: number): [string, string, string] => [name, narrow(value, most), count(value)];
    return [
        counted(per === "session" ? "Sessions" : "Visitors", bar.count),
        ["Of first", rateText(bar.ofFirst)],
        ["Of previous", isFirst ? "\u2013" : rateText(bar.ofBefore)],
        isFirst ? ["Drop-off", "\u2013"] : counted("Drop-off", bar.lost),
        ...(per === "session" ? [counted("Visitors", bar.visitors)] : []),
    ];
}

function finding(bars: readonly Bar[], per: Per): string {
    const [first, last] = [bars[0], bars.at(-1)];
    if (!first || !last) return "";
    const began = plural(first.count, per);
    if (bars.length === 1) return `${began} reached the step.`;
    return `Of ${began} that reached the first step, ${count(last.count)} (${rateText(last.ofFirst)}) reached the last.`;
}

/** The same by the values of a dimension, those with most visitors at the first step first. */
export function Breakdown({ answer, dimension, per, stale }: { answer: FunnelAnswer; dimension: string; per: Per; stale: boolean }) {
    const values = answer.breakdown ?? [];
    const name = nameOfDimension(dimension);
    const title = `By ${name.toLowerCase()}`;
    return (
        <section class="panel breakdown" aria-labelledby="breakdown-title">
            <div class="panel-head">
                <h2 id="breakdown-title">{title}</h2>
            </div>
            <div class={stale ? "scroll stale" : "scroll"} tabIndex={0} role="region" aria-label={`${title}, as a table`} aria-busy={stale}>
                <table class="plain sticky-names">
                    <thead>
                        <tr>
                            <th scope="col">{name}</th>
                            {answer.steps.map((step, index) => (
                                <th scope="col" key={index} title={step.name}>
                                    <span class="cut">
                                        {index + 1}. {visible(step.name, "(blank)")}
                                    </span>
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {values.map(({ value, steps }) => {
                            const valueName = nameOfValue(dimension, value);
                            return (
                                <tr key={value}>
                                    <th scope="row" title={valueName}>
                                        <span class="cut">{valueName}</span>
                                    </th>
                                    {barsOf(steps, per).map((bar, index) => (
                                        <td key={index}>
                                            {count(bar.count)}
                                            {index > 0 && <span class="quiet share-of-first">{rateText(bar.ofFirst)}</span>}
                                        </td>
                                    ))}
                                </tr>
                            );
                        })}
                    </tbody>
                </table>
            </div>
            <p class="hint">
                {per === "session" ? "Sessions" : "Visitors"} by what the first step was reached with, and their share of the first step.
                {values.length >= BREAKDOWN_MAX && ` The ${BREAKDOWN_MAX} values with most visitors at the first step.`}
            </p>
        </section>
    );
}
