import { useEffect, useId, useState } from "preact/hooks";

import { VALUES_MAX, valuesOf } from "../lib/filter";
import { nearest } from "../lib/nearest";
import { type Filter, type Operator, OPERATORS, type Query } from "../lib/query";
import { isDimension, isNumber, isProperty, isTouch, offered, timeOf } from "../panels/filters/dimensions";
import { isLiteral, nameOfDimension, nameOfValue, OPERATORS as NAMES, valueNamed } from "../panels/filters/names";
import { Combobox } from "../ui/combobox";
import { Icon } from "../ui/icons";
import { useKnown } from "./known";

/** What is wrong with a condition, and with which part of it. */
export interface Wrong {
    part: "dimension" | "operator" | "values" | undefined;
    message: string;
}

interface Props {
    filter: Filter | undefined;
    /** The view's, without this filter: only values that it has are suggested. */
    base: Query;
    wrong: Wrong | undefined;
    button: string;
    busy: boolean;
    /** What visitors did is asked around it already. */
    isInDoing?: boolean;
    onDone: (filter: Filter) => void;
    /** To put others beside it, or none where there is no whole condition as yet. */
    onCombine?: (filter: Filter | undefined) => void;
    onBack?: () => void;
}

/** Of a property nobody but the site knows the name; its prefix says that it is one. */
const textOf = (dimension: string): string => (isProperty(dimension) ? dimension : nameOfDimension(dimension));

/** The dimension that a text names by its own name or by the one that people use. */
function dimensionNamed(text: string): string | undefined {
    const lower = text.trim().toLowerCase();
    const known = offered().find(({ dimension, name }) => dimension === lower || name.toLowerCase() === lower);
    return known?.dimension ?? (isDimension(text.trim()) ? text.trim() : undefined);
}

const guess = (text: string) => nearest(text.trim(), offered(), ({ dimension, name }) => [dimension, name]);

/** Which operators a dimension takes. */
function operatorsOf(dimension: string): Operator[] {
    const isOrdered = (name: Operator) => name === "gt" || name === "lt" || name === "between";
    return OPERATORS.filter((name) => {
        if (isNumber(dimension)) return isOrdered(name);
        if (isTouch(dimension) && name.startsWith("has_")) return false;
        if (timeOf(dimension)) return isOrdered(name) || name === "is" || name === "is_not" || name.startsWith("has_");
        return dimension !== "goal" || !isOrdered(name);
    });
}

/** What stands in the form, and what becomes of it. */
function useCondition({ filter, base, wrong }: Pick<Props, "filter" | "base" | "wrong">) {
    const [dimension, setDimension] = useState(filter?.dimension ?? "page");
    const [named, setNamed] = useState(textOf(dimension));
    const [operator, setOperator] = useState<Operator>(filter?.operator ?? "is");
    const [values, setValues] = useState<readonly string[]>(filter?.values ?? []);
    const [typed, setTyped] = useState("");
    const [problem, setProblem] = useState<Wrong | undefined>(wrong);
    const id = useId();
    const [, most] = valuesOf(operator);
    const text = typed.trim();
    const isList = most > 2;
    useEffect(() => setProblem(wrong), [wrong]);
    // In a dialog that is open already nobody else looks after the focus.
    useEffect(() => document.getElementById(`${id}-dimension`)?.focus(), []);

    function errorAt(part: Wrong["part"]): string {
        return problem && (problem.part ?? "values") === part ? problem.message : "";
    }

    function refuse(part: Wrong["part"], message: string): undefined {
        setProblem({ part, message });
        document.getElementById(`${id}-${part === "dimension" ? part : isList ? "value" : "value-0"}`)?.focus();
    }

    function take(name: string): void {
        setNamed(textOf(name));
        if (name === dimension && problem?.part !== "dimension") return;
        setProblem(undefined);
        if (name === dimension) return;
        setDimension(name);
        setValues([]);
        setTyped("");
        const [first = "is"] = operatorsOf(name);
        if (!operatorsOf(name).includes(operator)) setOperator(first);
    }

    /** What stands in the field, taken; undefined where it names nothing. */
    function settle(): string | undefined {
        const name = named === textOf(dimension) ? dimension : dimensionNamed(named);
        if (name !== undefined) take(name);
        else {
            const near = guess(named);
            setProblem({
                part: "dimension",
                message: `There is no dimension '${named.trim()}'. ${near ? `Did you mean '${near.name}'?` : "Choose one, or write property:NAME."}`,
            });
        }
        return name;
    }

    function add(value: string): readonly string[] {
        setTyped("");
        setProblem(undefined);
        if (values.includes(value) || values.length >= VALUES_MAX) return values;
        setValues([...values, value]);
        return [...values, value];
    }

    /** The condition as it stands in the form; undefined where it is not whole, which is told. */
    function whole(): Filter | undefined {
        const name = settle();
        if (name === undefined) {
            document.getElementById(`${id}-dimension`)?.focus();
            return undefined;
        }
        if (most === 0) return { dimension: name, operator, values: [] };
        // The values are of another dimension, and gone.
        if (name !== dimension) return refuse("values", "Choose or type at least one value.");
        if (!isList) {
            const given = Array.from({ length: most }, (_, at) => (values[at] ?? "").trim());
            return given.includes("") ? refuse("values", most > 1 ? "Say from which to which." : "Say which.") : { dimension, operator, values: given };
        }
        // What stands in the field was meant, too.
        const all = text === "" ? values : add(valueNamed(text, operator, known));
        return all.length > 0 ? { dimension, operator, values: all } : refuse("values", "Choose or type at least one value.");
    }

    const known = useKnown(isList && !isLiteral(operator) ? dimension : undefined, base, typed);
    const suggestions = useKnown(operator.startsWith("contains") ? dimension : undefined, base, typed).filter(({ value }) => value !== "");
    const options = [...known, ...suggestions].filter(({ value, name }) => !values.includes(value) && name.toLowerCase().includes(text.toLowerCase()));

    /** Nothing was said as yet but of what. */
    const isBlank = isList && values.length === 0 && text === "";

    return {
        id,
        dimension,
        named,
        operator,
        values,
        typed,
        most,
        isList,
        isBlank,
        options,
        errorAt,
        take,
        settle,
        whole,
        add: (value: string) => void add(value),
        enter: () => void add(valueNamed(text, operator, known)),
        nothing: nothingOf(operator, text),
        rename(value: string) {
            setNamed(value);
            setProblem(undefined);
        },
        choose(next: Operator) {
            setOperator(next);
            setProblem(undefined);
            setValues(values.slice(0, valuesOf(next)[1]));
        },
        type(value: string) {
            setTyped(value);
            setProblem(undefined);
        },
        change(changed: readonly string[]) {
            setValues(changed);
            setProblem(undefined);
        },
    };
}

/** A condition: of what, how, and which values. Values are suggested as the site has them, and anything can be typed. */
export function ConditionForm({ filter, base, wrong, button, busy, isInDoing = false, onDone, onCombine, onBack }: Props) {
    const condition = useCondition({ filter, base, wrong });
    const { id, dimension, named, operator, values, most, isList, isBlank, errorAt, whole } = condition;
    return (
        <form
            class="filter-form"
            onSubmit={(event) => {
                event.preventDefault();
                const made = busy ? undefined : whole();
                if (made) onDone(made);
            }}
        >
            <div class="two">
                <div class="field">
                    <label for={`${id}-dimension`}>Filter by</label>
                    <DimensionField
                        id={`${id}-dimension`}
                        text={named}
                        isChosen={named === textOf(dimension)}
                        error={errorAt("dimension")}
                        onInput={condition.rename}
                        onTake={condition.take}
                        onSettle={condition.settle}
                    />
                </div>
                <div class="field">
                    <label for={`${id}-operator`}>Condition</label>
                    <select
                        id={`${id}-operator`}
                        value={operator}
                        aria-invalid={errorAt("operator") ? true : undefined}
                        aria-describedby={errorAt("operator") ? `${id}-operator-error` : undefined}
                        onChange={(event) => condition.choose(event.currentTarget.value as Operator)}
                    >
                        {/* What a condition has stays, so that the server's word on it can be seen. */}
                        {OPERATORS.filter((name) => name === operator || (operatorsOf(dimension).includes(name) && !(isInDoing && name.startsWith("has_")))).map((name) => (
                            <option value={name} key={name}>
                                {NAMES[name]}
                            </option>
                        ))}
                    </select>
                    {errorAt("operator") && (
                        <p class="field-error" id={`${id}-operator-error`}>
                            {errorAt("operator")}
                        </p>
                    )}
                </div>
            </div>
            {!isList && most > 0 && (
                <Bounds
                    id={`${id}-value`}
                    dimension={dimension}
                    values={values}
                    count={most}
                    error={errorAt("values")}
                    onChange={condition.change}
                />
            )}
            {isList && (
                <div class="field">
                    <label for={`${id}-value`}>{values.length > 0 ? "Or" : "Value"}</label>
                    <Tokens dimension={dimension} operator={operator} values={values} onChange={condition.change} />
                    <Combobox
                        id={`${id}-value`}
                        value={condition.typed}
                        placeholder={operator.startsWith("contains") ? "A part of the text" : isLiteral(operator) ? "A regular expression" : "Choose or type"}
                        options={condition.options.map(({ value, name }) => ({ id: value, label: name }))}
                        nothing={condition.nothing}
                        error={errorAt("values")}
                        onInput={condition.type}
                        onChoose={condition.add}
                        onEnter={condition.enter}
                        onBackspace={() => condition.change(values.slice(0, -1))}
                    />
                </div>
            )}
            {most === 0 && errorAt("values") && (
                <p class="form-error" role="alert">
                    {errorAt("values")}
                </p>
            )}
            <div class="form-foot">
                <button type="submit" class="button primary" aria-disabled={busy}>
                    {busy ? "One moment\u2026" : button}
                </button>
                {onBack && (
                    <button type="button" class="button" onClick={onBack}>
                        Back
                    </button>
                )}
                {onCombine && (
                    <button
                        type="button"
                        class="text-button"
                        onClick={() => {
                            const made = isBlank ? undefined : whole();
                            if (isBlank || made) onCombine(made);
                        }}
                    >
                        Combine with others
                    </button>
                )}
            </div>
        </form>
    );
}

function nothingOf(operator: Operator, text: string): string {
    if (operator.startsWith("matches")) return "RE2's syntax: ^/blog/\\d+$ is a whole path. (?i) in front takes capitals for small letters. Enter takes it.";
    return operator.startsWith("contains") || text !== "" ? "Nothing in this period matches. Enter takes it as it is." : "Nothing in this period";
}

interface DimensionProps {
    id: string;
    text: string;
    /** The text is that of the dimension which is chosen: all of them are offered. */
    isChosen: boolean;
    error: string;
    onInput: (text: string) => void;
    onTake: (dimension: string) => void;
    onSettle: () => void;
}

/** All dimensions to choose from, by either of their names, and a property by its. */
function DimensionField({ id, text, isChosen, error, onInput, onTake, onSettle }: DimensionProps) {
    const lower = text.trim().toLowerCase();
    const all = offered();
    const found = isChosen || lower === "" ? all : all.filter(({ dimension, name, title }) => [name, dimension, title].some((one) => one.toLowerCase().includes(lower)));
    const near = found.length === 0 ? guess(text) : undefined;
    const property = isProperty(text.trim()) ? text.trim() : `property:${text.trim()}`;
    const isNamed = !isChosen && lower !== "" && lower !== "property:";
    return (
        <Combobox
            id={id}
            floating
            autofocus
            value={text}
            placeholder="A dimension, or property:NAME"
            options={[
                ...(near ? [{ id: near.dimension, label: near.name, note: "did you mean this?" }] : []),
                ...found.map(({ dimension, name, title }) => ({ id: dimension, label: name, note: title })),
                ...(isNamed ? [{ id: property, label: property, note: "a property of events" }] : []),
            ]}
            nothing="Type the name of a property."
            error={error}
            onInput={onInput}
            onChoose={onTake}
            onEnter={onSettle}
            onLeave={onSettle}
        />
    );
}

/** The values that are chosen. */
function Tokens({ dimension, operator, values, onChange }: Filter & { onChange: (values: readonly string[]) => void }) {
    if (values.length === 0) return null;
    return (
        <ul class="tokens" aria-label="Values">
            {values.map((value) => (
                <li class="token" key={value}>
                    <span>{isLiteral(operator) ? value : nameOfValue(dimension, value)}</span>
                    <button
                        type="button"
                        class="chip-close"
                        aria-label={`Remove ${nameOfValue(dimension, value)}`}
                        onClick={() => onChange(values.filter((other) => other !== value))}
                    >
                        <Icon name="close" size={12} />
                    </button>
                </li>
            ))}
        </ul>
    );
}

interface BoundsProps {
    id: string;
    dimension: string;
    values: readonly string[];
    count: number;
    error: string;
    onChange: (values: string[]) => void;
}

/** One number or time, or two. */
function Bounds({ id, dimension, values, count, error, onChange }: BoundsProps) {
    const time = timeOf(dimension);
    return (
        <>
            <div class="two">
                {Array.from({ length: count }, (_, at) => (
                    <div class="field" key={at}>
                        <label for={`${id}-${at}`}>{count === 1 ? "Value" : at === 0 ? "From" : "To, included"}</label>
                        <input
                            id={`${id}-${at}`}
                            {...(time === "day" ? { type: "date" } : { inputMode: time ? "text" : "decimal", placeholder: time ? "2026-11-24T13:00" : "A number" })}
                            value={values[at] ?? ""}
                            aria-invalid={error ? true : undefined}
                            aria-describedby={error ? `${id}-error` : undefined}
                            onInput={(event) => {
                                const { value } = event.currentTarget;
                                onChange(Array.from({ length: count }, (__, other) => (other === at ? value : (values[other] ?? ""))));
                            }}
                        />
                    </div>
                ))}
            </div>
            {error && (
                <p class="field-error bounds-error" id={`${id}-error`}>
                    {error}
                </p>
            )}
        </>
    );
}
