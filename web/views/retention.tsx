import { useState } from "preact/hooks";

import { show } from "../app/location";
import { rangeText, type View } from "../app/state";
import type { Site } from "../lib/api";
import { longDay, longMonth, weekday } from "../lib/calendar";
import { saveCsv } from "../lib/csv";
import { isFiltered } from "../lib/filter";
import { count, plural, sentence } from "../lib/format";
import { placeOf, rateText } from "../lib/funnel";
import type { Query } from "../lib/query";
import {
    askRetention,
    type Cohort,
    isRunning,
    mostOf,
    type RetentionAnswer,
    retentionRequest,
    retentionTable,
    SHADES,
    shadeOf,
    shownOf,
} from "../lib/retention";
import { type Period, PERIODS } from "../lib/step";
import { Panel } from "../ui/panel";
import { Empty, Partial, SkeletonRows } from "../ui/states";
import { useAsked } from "./answer";
import { Explain } from "./explain";
import { Choice, Refused, wordsOf } from "./question";
import { StepDialog } from "./step";
import { StepField } from "./stepfield";
import { Waiting } from "./waiting";

type Side = "first" | "again";
const SIDES: Record<Side, string> = { first: "Came first by", again: "Came again by" };

/** Of those who came first in a period, how many came again in each later one. */
export default function Retention({ site, view, base }: { site: Site; view: View; base: Query }) {
    const [overlay, open] = useState<Side | "explain">();
    const { metrics: _, exact: __, ...asked } = base;
    const request = retentionRequest(asked, view);
    const { answer, question, problem: known, waiting, progress, retry } = useAsked(request, askRetention);
    const problem = waiting ? undefined : known;
    const place = placeOf(problem);
    const close = () => open(undefined);
    const side = overlay === "explain" ? undefined : overlay;
    const isEmpty = answer?.cohorts.every(({ visitors }) => visitors === 0) ?? true;
    const errorAt = (name: string) => (place === name ? wordsOf(problem) : "");
    return (
        <div class="analysis-rows">
            <section class="panel retention-question" aria-label="Question">
                <Choice
                    label="Cohorts by"
                    hint={`Of the ${view.cohort} in which they came first`}
                    value={view.cohort}
                    error={errorAt("granularity")}
                    onChoose={(name) => show({ cohort: name as Period })}
                >
                    {PERIODS.map((name) => (
                        <option value={name} key={name}>
                            {sentence(name)}
                        </option>
                    ))}
                </Choice>
                {(Object.keys(SIDES) as Side[]).map((name) => (
                    <StepField
                        key={name}
                        id={`retention-${name}`}
                        label={SIDES[name]}
                        hint={name === "first" ? "What makes somebody new" : "What counts as coming back"}
                        without="Any visit"
                        step={view[name]}
                        error={errorAt(name)}
                        onOpen={() => open(name)}
                        onClear={() => show({ [name]: undefined })}
                    />
                ))}
            </section>
            <Panel
                title="Retention"
                class="retention-panel"
                aside={<Waiting progress={progress} />}
                stale={waiting && answer !== undefined}
                menu={
                    answer && !isEmpty
                        ? [
                              { label: "Download as CSV", run: () => saveCsv(`${site.id} retention ${rangeText(view.range)}`, retentionTable(answer)) },
                              { label: "Show query", run: () => open("explain") },
                          ]
                        : [{ label: "Show query", run: () => open("explain") }]
                }
            >
                {problem ? (
                    <Refused problem={problem} place={place} what="Retention" onRetry={retry} />
                ) : !answer ? (
                    <SkeletonRows rows={7} />
                ) : isEmpty ? (
                    <Empty title="Nobody came first in this period">
                        {question && isFiltered(question) ? "A filter is set: without it there may be some." : undefined}
                    </Empty>
                ) : (
                    <Cohorts answer={answer} cells={view.cells} />
                )}
            </Panel>
            {overlay === "explain" && <Explain title="Retention" query={request} path="/api/v1/retention" ask={askRetention} onClose={close} />}
            {side && (
                <StepDialog
                    title={SIDES[side]}
                    button="Set"
                    step={view[side]}
                    site={site}
                    base={base}
                    backTo={`retention-${side}`}
                    onDone={(step) => {
                        close();
                        show({ [side]: step });
                    }}
                    onClose={close}
                />
            )}
        </div>
    );
}

const CELLS = [
    { name: "rate", label: "Rates" },
    { name: "visitors", label: "Visitors" },
] as const;

export function Cohorts({ answer, cells }: { answer: RetentionAnswer; cells: View["cells"] }) {
    const { cohorts, periods, isCut } = shownOf(answer);
    const most = mostOf(cohorts);
    const unit = sentence(answer.granularity);
    const columns = Array.from({ length: periods }, (_, index) => index);
    return (
        <>
            <div class="cohorts-head">
                <p class="quiet">{finding(answer)}</p>
                <div class="tabs" role="group" aria-label="Cells show">
                    {CELLS.map(({ name, label }) => (
                        <button type="button" class="quiet-button" key={name} aria-pressed={cells === name} onClick={() => show({ cells: name }, { replace: true })}>
                            {label}
                        </button>
                    ))}
                </div>
            </div>
            <div class="scroll cohorts-scroll" tabIndex={0} role="region" aria-label="Cohorts">
                <table class="cohorts">
                    <thead>
                        <tr>
                            <th scope="col">{answer.granularity === "week" ? "Week of" : unit}</th>
                            <th scope="col">Visitors</th>
                            {columns.map((index) => (
                                <th scope="col" key={index}>
                                    {unit} {index}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {cohorts.map((cohort) => (
                            <tr key={cohort.date}>
                                <th scope="row">{nameOf(answer.granularity, cohort.date)}</th>
                                <td class="cohort-size">{count(cohort.visitors)}</td>
                                {columns.map((index) => (
                                    <Cell key={index} answer={answer} cohort={cohort} index={index} most={most} cells={cells} />
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            <Legend most={most} isRunning={answer.running !== null} />
            <p class="hint">
                {isCut && `The latest ${plural(cohorts.length, "cohort")} with ${plural(periods, answer.granularity)} of each; the CSV has all. `}
                Who is counted without an id of the site&rsquo;s own is somebody else every day, and is not seen to come again.
            </p>
            <Partial meta={answer.meta} />
        </>
    );
}

interface CellProps {
    answer: RetentionAnswer;
    cohort: Cohort;
    index: number;
    most: number;
    cells: View["cells"];
}

function Cell({ answer, cohort, index, most, cells }: CellProps) {
    const period = cohort.periods[index];
    if (!period) return <td />;
    const { visitors, rate } = period;
    const running = isRunning(answer, cohort, index);
    const shade = index === 0 ? "itself" : `shade${shadeOf(rate, most)}`;
    const share = rateText(rate);
    return (
        <td title={`${count(visitors)} of ${plural(cohort.visitors, "visitor")}, ${share}${running ? ", so far" : ""}`}>
            <span class={running ? `cohort-cell ${shade} running` : `cohort-cell ${shade}`}>
                {cells === "rate" ? share : count(visitors)}
                {running && <span class="visually-hidden"> so far</span>}
            </span>
        </td>
    );
}

function Legend({ most, isRunning: hasRunning }: { most: number; isRunning: boolean }) {
    return (
        <p class="legend" aria-hidden="true">
            <span>
                0&nbsp;%
                <span class="shades">
                    {Array.from({ length: SHADES + 1 }, (_, shade) => (
                        <i class={`shade${shade}`} key={shade} />
                    ))}
                </span>
                {rateText(most)}
            </span>
            {hasRunning && (
                <span>
                    <i class="shades-running" />
                    Not over yet
                </span>
            )}
        </p>
    );
}

function nameOf(granularity: Period, date: string): string {
    if (granularity === "month") return longMonth(date);
    return granularity === "week" ? longDay(date) : weekday(date);
}

/** Of the periods right after the first, over all cohorts for which that one is over. */
function finding(answer: RetentionAnswer): string {
    const after = answer.cohorts.filter((cohort) => cohort.periods.length > 1 && !isRunning(answer, cohort, 1));
    const all = after.reduce((sum, { visitors }) => sum + visitors, 0);
    if (all === 0) return `No cohort has a whole ${answer.granularity} behind it yet.`;
    const back = after.reduce((sum, { periods }) => sum + (periods[1]?.visitors ?? 0), 0);
    return `${rateText((100 * back) / all)} of ${plural(all, "new visitor")} came again in the ${answer.granularity} after.`;
}
