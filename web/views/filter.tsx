import { useId, useState } from "preact/hooks";

import type { Filter, Operator, Query } from "../lib/query";
import { nameOfDimension, nameOfValue, OPERATORS, PANELS, tabOfDimension, valueNamed } from "../panels/filters/names";
import { Combobox } from "../ui/combobox";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { useKnown } from "./known";

/** As parseView() reads. */
const VALUES_MAX = 50;

interface Props {
    /** The one to change; undefined makes a new one. */
    filter: Filter | undefined;
    /** The view's, without this filter: only values that it has are suggested. */
    base: Query;
    /** Of what gets the focus afterwards, where nothing else has it. */
    backTo: string;
    onDone: (filter: Filter) => void;
    onClose: () => void;
}

/** A condition: of what, how, and which values. Values are suggested as the site has them, and anything can be typed. */
export default function FilterDialog({ filter, base, backTo, onDone, onClose }: Props) {
    const [dimension, setDimension] = useState(filter?.dimension ?? "page");
    const [operator, setOperator] = useState<Operator>(filter?.operator ?? "is");
    const [values, setValues] = useState<readonly string[]>(filter?.values ?? []);
    const [typed, setTyped] = useState("");
    const [problem, setProblem] = useState("");
    const id = useId();
    const known = useKnown(dimension, base, typed);
    const isPart = operator === "contains" || operator === "contains_not";
    const text = typed.trim();
    const lower = text.toLowerCase();
    const options = known.filter(({ value, name }) => !values.includes(value) && name.toLowerCase().includes(lower) && !(isPart && value === ""));

    function add(value: string): readonly string[] {
        setTyped("");
        setProblem("");
        if (values.includes(value) || values.length >= VALUES_MAX) return values;
        setValues([...values, value]);
        return [...values, value];
    }

    function submit(event: SubmitEvent): void {
        event.preventDefault();
        // What stands in the field was meant, too.
        const all = text === "" ? values : add(valueNamed(text, operator, known));
        if (operator === "is_set") onDone({ dimension, operator, values: [] });
        else if (all.length > 0) onDone({ dimension, operator, values: all });
        else {
            setProblem("Choose or type at least one value.");
            document.getElementById(`${id}-value`)?.focus();
        }
    }

    return (
        <Dialog title={filter ? "Edit the filter" : "Add a filter"} backTo={backTo} onClose={onClose}>
            <form onSubmit={submit} class="filter-form">
                <div class="two">
                    <div class="field">
                        <label for={`${id}-dimension`}>Filter by</label>
                        <select
                            id={`${id}-dimension`}
                            autofocus
                            value={dimension}
                            onChange={(event) => {
                                setDimension(event.currentTarget.value);
                                setValues([]);
                                setTyped("");
                            }}
                        >
                            {!tabOfDimension(dimension) && <option value={dimension}>{nameOfDimension(dimension)}</option>}
                            {PANELS.map((panel) => (
                                <optgroup label={panel.title} key={panel.id}>
                                    {panel.tabs.map((tab) => (
                                        <option value={tab.dimension} key={tab.dimension}>
                                            {tab.column}
                                        </option>
                                    ))}
                                </optgroup>
                            ))}
                        </select>
                    </div>
                    <div class="field">
                        <label for={`${id}-operator`}>Condition</label>
                        <select id={`${id}-operator`} value={operator} onChange={(event) => setOperator(event.currentTarget.value as Operator)}>
                            {(Object.keys(OPERATORS) as Operator[]).map((name) => (
                                <option value={name} key={name}>
                                    {OPERATORS[name]}
                                </option>
                            ))}
                        </select>
                    </div>
                </div>
                {operator !== "is_set" && (
                    <div class="field">
                        <label for={`${id}-value`}>{values.length > 0 ? "Or" : "Value"}</label>
                        {values.length > 0 && (
                            <ul class="tokens" aria-label="Values">
                                {values.map((value) => (
                                    <li class="token" key={value}>
                                        <span>{isPart ? value : nameOfValue(dimension, value)}</span>
                                        <button
                                            type="button"
                                            class="chip-close"
                                            aria-label={`Remove ${nameOfValue(dimension, value)}`}
                                            onClick={() => setValues(values.filter((other) => other !== value))}
                                        >
                                            <Icon name="close" size={12} />
                                        </button>
                                    </li>
                                ))}
                            </ul>
                        )}
                        <Combobox
                            id={`${id}-value`}
                            value={typed}
                            placeholder={isPart ? "A part of the text" : "Choose or type"}
                            options={options.map(({ value, name }) => ({ id: value, label: name }))}
                            nothing={isPart || text !== "" ? "Nothing in this period matches. Enter takes it as it is." : "Nothing in this period"}
                            error={problem}
                            onInput={(value) => {
                                setTyped(value);
                                setProblem("");
                            }}
                            onChoose={add}
                            onEnter={() => add(valueNamed(text, operator, known))}
                            onBackspace={() => setValues(values.slice(0, -1))}
                        />
                    </div>
                )}
                <button type="submit" class="button primary">
                    {filter ? "Change" : "Add"}
                </button>
            </form>
        </Dialog>
    );
}
