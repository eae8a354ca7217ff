import { useId, useState } from "preact/hooks";

import { getGoals, type Site } from "../lib/api";
import { visible } from "../lib/format";
import type { Query } from "../lib/query";
import { type Step, STEP_KINDS, type StepKind } from "../lib/step";
import { valueNamed } from "../panels/filters/names";
import { Combobox } from "../ui/combobox";
import { Dialog } from "../ui/dialog";
import { useAsked } from "./answer";
import { useKnown } from "./known";

export const KINDS: Record<StepKind, string> = { page: "Page", event: "Event", goal: "Goal" };
const DIMENSIONS: Record<StepKind, string | undefined> = { page: "page", event: "event_name", goal: undefined };

/** Of blanks nothing can be seen. */
export function nameOfStep({ value }: Step): string {
    return visible(value, "(blank)");
}

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

/** A page, an event or a goal. Values are suggested as the site has them, and of pages and events any can be typed. */
export function StepDialog({ title, button, step, site, base, backTo, onDone, onClose }: Props) {
    const [of, setOf] = useState<StepKind>(step?.of ?? "page");
    const [typed, setTyped] = useState(step?.value ?? "");
    const [isTouched, touch] = useState(false);
    const [problem, setProblem] = useState("");
    const id = useId();
    const text = typed.trim();
    // Who changes a step sees what else there is, not only what is there.
    const sought = isTouched ? text : "";
    const goals = useAsked(of === "goal" ? { site: site.id } : undefined, (asked, signal) => getGoals(asked.site, signal));
    const values = useKnown(DIMENSIONS[of], base, sought).filter(({ value }) => value !== "");
    const known = of === "goal" ? (goals.answer ?? []).map(({ name }) => ({ value: name, name: visible(name, "(blank)") })) : values;
    const options = known.filter(({ name }) => name.toLowerCase().includes(sought.toLowerCase()));

    function take(value: string): void {
        if (value !== "") return onDone({ of, value });
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
                        onChoose={take}
                        onEnter={() => take(whole())}
                        onBackspace={() => undefined}
                    />
                </div>
                <button type="submit" class="button primary">
                    {button}
                </button>
            </form>
        </Dialog>
    );
}

/** Where nothing is suggested. */
function nothingOf(of: StepKind, isNone: boolean, problem: string | undefined): string {
    if (of !== "goal") return isNone ? "Nothing in this period" : "Nothing in this period matches. Enter takes it as it is.";
    if (problem) return `The goals could not be loaded. ${problem}`;
    return isNone ? "This site has no goals. They are declared by 'footfall goal add'." : "No goal of this site matches.";
}
