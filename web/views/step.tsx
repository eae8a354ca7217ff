import { useEffect, useId, useRef, useState } from "preact/hooks";

import { getGoals, type Site } from "../lib/api";
import { count, plural, visible } from "../lib/format";
import type { Query } from "../lib/query";
import { type Step, STEP_KINDS, type StepKind } from "../lib/step";
import { valueNamed, wordsOfFilter } from "../panels/filters/names";
import { Combobox } from "../ui/combobox";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { useAsked } from "./answer";
import { useConditions } from "./conditions";
import { useKnown } from "./known";

export const KINDS: Record<StepKind, string> = { page: "Page", event: "Event", goal: "Goal" };
const DIMENSIONS: Record<StepKind, string | undefined> = { page: "page", event: "event_name", goal: undefined };

/** Of blanks nothing can be seen. */
export function nameOfStep({ value, name = value }: Step): string {
    return visible(name, "(blank)");
}

/** "1 condition". */
export function moreOfStep({ filters = [] }: Step): string {
    return filters.length === 0 ? "" : plural(filters.length, "condition");
}

/** The same in a row, which has no room for the word. */
export function StepMore({ step: { filters = [] } }: { step: Step }) {
    if (filters.length === 0) return null;
    return (
        <span class="quiet step-more">
            <Icon name="filter" size={13} />
            {count(filters.length)}
            <span class="visually-hidden"> {filters.length === 1 ? "condition" : "conditions"}</span>
        </span>
    );
}

/** All that a step is: "Sign-up: event signup, Country is Germany". */
export function textOfStep(step: Step): string {
    const value = visible(step.value, "(blank)");
    const what = step.name === undefined ? value : `${nameOfStep(step)}: ${KINDS[step.of].toLowerCase()} ${value}`;
    return [what, ...(step.filters ?? []).map(wordsOfFilter)].join(", ");
}

const NAME_LENGTH_MAX = 80;

interface Props {
    title: string;
    button: string;
    /** The one to change; undefined makes a new one. */
    step: Step | undefined;
    site: Site;
    /** The view's: only values that it has are suggested. */
    base: Query;
    /** Of what gets the focus afterwards, where nothing else has it. */
    backTo: string;
    onDone: (step: Step) => void;
    onClose: () => void;
}

/** A page, an event or a goal. Values are suggested as the site has them, and of pages and events any can be typed. A suggestion that is
 *  chosen is the whole step, unless a name and conditions are wanted too. */
export function StepDialog({ title, button, step, site, base, backTo, onDone, onClose }: Props) {
    const [of, setOf] = useState<StepKind>(step?.of ?? "page");
    const [typed, setTyped] = useState(step?.value ?? "");
    const [isTouched, touch] = useState(false);
    const [problem, setProblem] = useState("");
    const [name, setName] = useState(step?.name ?? "");
    const [hasMore, showMore] = useState(step?.name !== undefined || step?.filters !== undefined);
    const conditions = useConditions({ initial: step?.filters ?? [], base, label: "Conditions" });
    const hadMore = useRef(hasMore);
    const id = useId();
    useEffect(() => {
        if (hasMore && !hadMore.current) document.getElementById(`${id}-name`)?.focus();
    }, [hasMore]);
    const text = typed.trim();
    // Who changes a step sees what else there is, not only what is there.
    const sought = isTouched ? text : "";
    const goals = useAsked(of === "goal" ? { site: site.id } : undefined, (asked, signal) => getGoals(asked.site, signal));
    const values = useKnown(DIMENSIONS[of], base, sought).filter(({ value }) => value !== "");
    const known = of === "goal" ? (goals.answer ?? []).map(({ name }) => ({ value: name, name: visible(name, "(blank)") })) : values;
    const options = known.filter(({ name }) => name.toLowerCase().includes(sought.toLowerCase()));

    function take(value: string): void {
        const called = name.trim();
        const { filters } = conditions;
        if (value !== "")
            return onDone({
                of,
                value,
                ...(called === "" || called === value ? {} : { name: called }),
                ...(filters.length === 0 ? {} : { filters }),
            });
        setProblem("Choose or type one.");
        document.getElementById(`${id}-value`)?.focus();
    }

    /** To the letter where nothing was typed: a page may end in a blank. */
    const whole = () => (isTouched ? valueNamed(text, "is", known) : typed);

    return (
        <Dialog title={title} backTo={backTo} onClose={onClose}>
            <form
                class="filter-form"
                onSubmit={(event) => {
                    event.preventDefault();
                    take(whole());
                }}
            >
                <div class="field">
                    <label for={`${id}-of`}>Reached by</label>
                    <select
                        id={`${id}-of`}
                        autofocus
                        value={of}
                        onChange={(event) => {
                            setOf(event.currentTarget.value as StepKind);
                            setTyped("");
                            setProblem("");
                        }}
                    >
                        {STEP_KINDS.map((kind) => (
                            <option value={kind} key={kind}>
                                {{ page: "Viewing a page", event: "A custom event", goal: "Meeting a goal" }[kind]}
                            </option>
                        ))}
                    </select>
                </div>
                <div class="field">
                    <label for={`${id}-value`}>{KINDS[of]}</label>
                    <Combobox
                        id={`${id}-value`}
                        value={typed}
                        placeholder="Choose or type"
                        options={options.map(({ value, name }) => ({ id: value, label: name }))}
                        nothing={of === "goal" && goals.waiting ? "" : nothingOf(of, known.length === 0 && text === "", goals.problem?.message)}
                        error={problem}
                        onInput={(value) => {
                            touch(true);
                            setTyped(value);
                            setProblem("");
                        }}
                        onChoose={(value) => {
                            if (!hasMore) return take(value);
                            setTyped(value);
                            touch(false);
                            setProblem("");
                        }}
                        onEnter={() => take(whole())}
                        onBackspace={() => undefined}
                    />
                </div>
                {hasMore ? (
                    <>
                        <div class="field">
                            <label for={`${id}-name`}>Name</label>
                            <input
                                id={`${id}-name`}
                                autocomplete="off"
                                maxLength={NAME_LENGTH_MAX}
                                placeholder={typed}
                                value={name}
                                aria-describedby={`${id}-name-hint`}
                                onInput={(event) => setName(event.currentTarget.value)}
                            />
                            <p class="hint" id={`${id}-name-hint`}>
                                What the step is called in place of its {KINDS[of].toLowerCase()}
                            </p>
                        </div>
                        {conditions.field}
                    </>
                ) : (
                    <p class="field">
                        <button type="button" class="button quiet-border" onClick={() => showMore(true)}>
                            Name and conditions
                        </button>
                    </p>
                )}
                <button type="submit" class="button primary">
                    {button}
                </button>
            </form>
            {conditions.dialog}
        </Dialog>
    );
}

/** Where nothing is suggested. */
function nothingOf(of: StepKind, isNone: boolean, problem: string | undefined): string {
    if (of !== "goal") return isNone ? "Nothing in this period" : "Nothing in this period matches. Enter takes it as it is.";
    if (problem) return `The goals could not be loaded. ${problem}`;
    return isNone ? "This site has no goals. They are added in the view 'Goals'." : "No goal of this site matches.";
}
