import { useState } from "preact/hooks";

import { show } from "../app/location";
import { rangeText, type View } from "../app/state";
import { getGoals, type Site } from "../lib/api";
import { saveCsv } from "../lib/csv";
import { isFiltered } from "../lib/filter";
import { askFunnel, beginnings, funnelRequest, funnelTable, placeOf } from "../lib/funnel";
import type { Problem, Query } from "../lib/query";
import { type Per, type Step, STEPS_MAX, type WindowName, WINDOWS } from "../lib/step";
import { events } from "../panels/events/events";
import { nameOfDimension, PANELS, tabOfDimension } from "../panels/filters/names";
import { pages } from "../panels/pages/pages";
import { rankingQuery, tabOf, valueOfRow } from "../panels/ranking/spec";
import { Icon } from "../ui/icons";
import { Panel } from "../ui/panel";
import { SkeletonRows } from "../ui/states";
import { useAnswer, useAsked } from "./answer";
import { DroppedDialog } from "./dropped";
import { Explain } from "./explain";
import { Breakdown, FunnelSteps } from "./funnelresult";
import { Choice, Refused, wordsOf } from "./question";
import { KINDS, moreOfStep, nameOfStep, StepDialog, StepMore, textOfStep } from "./step";
import { Waiting } from "./waiting";

const ADD_BUTTON = "funnel-add";

type Overlay = { kind: "step"; index: number | undefined } | { kind: "dropped"; index: number } | { kind: "explain" } | undefined;

/** Steps to the left, how many came how far to the right. */
export default function Funnels({ site, view, base }: { site: Site; view: View; base: Query }) {
    const [overlay, open] = useState<Overlay>();
    const { metrics: _, exact: __, ...asked } = base;
    const request = funnelRequest(asked, view);
    const { answer, question, problem, waiting, progress, retry } = useAsked(request, askFunnel);
    const close = () => open(undefined);
    const place = placeOf(waiting ? undefined : problem);
    const { steps } = view;
    const editing = overlay?.kind === "step" ? overlay.index : undefined;
    return (
        <div class="analysis">
            <section class="panel builder" aria-labelledby="builder-title">
                <div class="panel-head">
                    <h2 id="builder-title">Steps</h2>
                </div>
                <StepList steps={steps} problem={waiting ? undefined : problem} place={place} onOpen={(index) => open({ kind: "step", index })} />
                <Choices view={view} problem={waiting ? undefined : problem} place={place} />
            </section>
            <div class="analysis-answer">
                <Panel
                    title="Funnel"
                    class="funnel-panel"
                    aside={<Waiting progress={progress} />}
                    stale={request !== undefined && waiting && answer !== undefined}
                    menu={
                        request && answer && question
                            ? [
                                  { label: "Download as CSV", run: () => saveCsv(`${site.id} funnel ${rangeText(view.range)}`, funnelTable(answer, question)) },
                                  { label: "Show query", run: () => open({ kind: "explain" }) },
                              ]
                            : []
                    }
                >
                    {!request ? (
                        <Beginnings site={site} base={base} />
                    ) : problem && !waiting ? (
                        <Refused problem={problem} place={place} what="The funnel" onRetry={retry} />
                    ) : !answer || !question ? (
                        <SkeletonRows rows={Math.max(3, steps.length)} />
                    ) : (
                        <FunnelSteps answer={answer} per={question.by} isFiltered={isFiltered(question)} onDropped={(index) => open({ kind: "dropped", index })} />
                    )}
                </Panel>
                {request && answer?.breakdown && question?.breakdown && answer.breakdown.length > 0 && (
                    <Breakdown answer={answer} dimension={question.breakdown} per={question.by} stale={waiting} />
                )}
            </div>
            {overlay?.kind === "explain" && request && (
                <Explain title="Funnel" query={request} path="/api/v1/funnel" ask={askFunnel} onClose={close} />
            )}
            {overlay?.kind === "dropped" && request && (
                <DroppedDialog
                    request={request}
                    index={overlay.index}
                    file={`${site.id} lost before step ${overlay.index + 1} ${rangeText(view.range)}`}
                    onClose={close}
                />
            )}
            {overlay?.kind === "step" && (
                <StepDialog
                    title={editing === undefined ? `Add step ${steps.length + 1}` : `Change step ${editing + 1}`}
                    button={editing === undefined ? "Add" : "Change"}
                    step={editing === undefined ? undefined : steps[editing]}
                    site={site}
                    base={base}
                    backTo={ADD_BUTTON}
                    onDone={(step) => {
                        close();
                        show({ steps: editing === undefined ? [...steps, step] : steps.map((old, index) => (index === editing ? step : old)) });
                    }}
                    onClose={close}
                />
            )}
        </div>
    );
}

interface StepsProps {
    steps: readonly Step[];
    problem: Problem | undefined;
    place: string;
    /** Undefined: a new one. */
    onOpen: (index: number | undefined) => void;
}

/** The steps in their order. A row stays in its place and changes what it shows, so that the focus goes where the step went. */
function StepList({ steps, problem, place, onOpen }: StepsProps) {
    const [told, tell] = useState("");

    function move(from: number, to: number, button: string): void {
        const step = steps[from];
        if (!step || to < 0 || to >= steps.length) return;
        const moved = steps.filter((_, index) => index !== from);
        show({ steps: [...moved.slice(0, to), step, ...moved.slice(to)] });
        tell(`${nameOfStep(step)} is step ${to + 1} now.`);
        document.getElementById(`funnel-${button}-${to}`)?.focus();
    }

    function remove(index: number): void {
        const step = steps[index];
        show({ steps: steps.filter((_, other) => other !== index) });
        tell(step ? `${nameOfStep(step)} is removed.` : "");
        const next = Math.min(index, steps.length - 2);
        document.getElementById(next < 0 ? ADD_BUTTON : `funnel-remove-${next}`)?.focus();
    }

    return (
        <>
            <p class="visually-hidden" role="status">
                {told}
            </p>
            {steps.length > 0 && (
                <ol class="steps" aria-label="Steps">
                    {steps.map((step, index) => {
                        const name = nameOfStep(step);
                        const kind = KINDS[step.of];
                        const more = moreOfStep(step);
                        const isWrong = place === `steps[${index}]`;
                        return (
                            <li key={index}>
                                <div class={isWrong ? "step-row wrong" : "step-row"}>
                                    <span class="step-number" aria-hidden="true">
                                        {index + 1}
                                    </span>
                                    <button
                                        type="button"
                                        class="step-value"
                                        title={textOfStep(step)}
                                        aria-label={`Change step ${index + 1}: ${kind.toLowerCase()} ${name}${more && `, ${more}`}`}
                                        aria-describedby={isWrong ? `funnel-error-${index}` : undefined}
                                        onClick={() => onOpen(index)}
                                    >
                                        <span class="quiet">{kind}</span> <span class="cut">{name}</span>
                                        <StepMore step={step} />
                                    </button>
                                    <span class="step-buttons">
                                        <button
                                            type="button"
                                            class="icon-button earlier"
                                            id={`funnel-up-${index}`}
                                            aria-label={`Move step ${index + 1} up`}
                                            aria-disabled={index === 0}
                                            onClick={() => move(index, index - 1, "up")}
                                        >
                                            <Icon name="down" size={14} />
                                        </button>
                                        <button
                                            type="button"
                                            class="icon-button"
                                            id={`funnel-down-${index}`}
                                            aria-label={`Move step ${index + 1} down`}
                                            aria-disabled={index === steps.length - 1}
                                            onClick={() => move(index, index + 1, "down")}
                                        >
                                            <Icon name="down" size={14} />
                                        </button>
                                        <button
                                            type="button"
                                            class="icon-button"
                                            id={`funnel-remove-${index}`}
                                            aria-label={`Remove step ${index + 1}`}
                                            onClick={() => remove(index)}
                                        >
                                            <Icon name="close" size={12} />
                                        </button>
                                    </span>
                                </div>
                                {isWrong && (
                                    <p class="field-error" id={`funnel-error-${index}`} role="alert">
                                        {wordsOf(problem)}
                                    </p>
                                )}
                            </li>
                        );
                    })}
                </ol>
            )}
            <button
                type="button"
                class="button"
                id={ADD_BUTTON}
                aria-haspopup="dialog"
                aria-disabled={steps.length >= STEPS_MAX}
                onClick={() => steps.length < STEPS_MAX && onOpen(undefined)}
            >
                Add a step
            </button>
        </>
    );
}

/** What there is to say of the funnel beside its steps. */
function Choices({ view, problem, place }: { view: View; problem: Problem | undefined; place: string }) {
    const { window, per, breakdown } = view;
    const errorAt = (name: string) => (place === name ? wordsOf(problem) : "");
    return (
        <div class="choices">
            <Choice
                label="Within"
                hint="From the first step to the last"
                value={window}
                error={errorAt("window_seconds")}
                onChoose={(name) => show({ window: name as WindowName })}
            >
                {WINDOWS.map(({ name, label }) => (
                    <option value={name} key={name}>
                        {label}
                    </option>
                ))}
            </Choice>
            <Choice
                label="Counted by"
                hint={per === "visitor" ? "In whatever sessions" : "All steps in one session"}
                value={per}
                error={errorAt("by")}
                onChoose={(name) => show({ per: name as Per })}
            >
                <option value="visitor">Visitor</option>
                <option value="session">Session</option>
            </Choice>
            <Choice
                label="Broken down by"
                hint="As the first step was reached"
                value={breakdown ?? ""}
                error={errorAt("breakdown")}
                onChoose={(name) => show({ breakdown: name || undefined })}
            >
                <option value="">Nothing</option>
                {breakdown !== undefined && !tabOfDimension(breakdown) && <option value={breakdown}>{nameOfDimension(breakdown)}</option>}
                {PANELS.map((panel) => (
                    <optgroup label={panel.title} key={panel.id}>
                        {panel.tabs.map(({ dimension, column }) => (
                            <option value={dimension} key={dimension}>
                                {column}
                            </option>
                        ))}
                    </optgroup>
                ))}
            </Choice>
        </div>
    );
}

/** Before there is a step: what one may begin with, as the site has it. */
function Beginnings({ site, base }: { site: Site; base: Query }) {
    const goals = useAsked({ site: site.id }, (asked, signal) => getGoals(asked.site, signal));
    const hasNoGoal = goals.problem !== undefined || goals.answer?.length === 0;
    const [page, event] = [tabOf(pages, undefined), tabOf(events, undefined)];
    const viewed = useAnswer(rankingQuery(page, base, 1));
    const happened = useAnswer(hasNoGoal ? rankingQuery(event, base, 3) : undefined);
    const isKnown = !viewed.waiting && (hasNoGoal ? !happened.waiting : goals.answer !== undefined);
    const valuesOf = (tab: typeof page, { answer }: typeof viewed) => (answer?.rows ?? []).map((row) => valueOfRow(tab, row)).filter((value) => value !== "");
    const offers = isKnown
        ? beginnings(
              (goals.answer ?? []).map(({ name }) => name),
              valuesOf(event, happened),
              valuesOf(page, viewed)[0],
          )
        : [];
    return (
        <div class="empty">
            <p class="empty-title">A funnel shows how many of those who reached one step reached the next. Add the first step{offers.length > 0 && ", or begin with one of these"}.</p>
            {offers.length > 0 && (
                <ul class="beginnings" aria-label="Funnels to begin with">
                    {offers.map((steps) => {
                        const text = steps.map(nameOfStep).join(" \u2192 ");
                        return (
                            <li key={text}>
                                <button type="button" class="button" title={text} onClick={() => show({ steps })}>
                                    <span class="cut">{text}</span>
                                </button>
                            </li>
                        );
                    })}
                </ul>
            )}
        </div>
    );
}
