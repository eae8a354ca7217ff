import { useId, useState } from "preact/hooks";

import type { Goal, Site } from "../lib/api";
import { visible } from "../lib/format";
import { formOf, GOAL_KINDS, type GoalKind, goalRequest, type Match, MATCHES, removeGoal, renameGoal, saveGoal } from "../lib/goals";
import { filterOf } from "../lib/filter";
import type { Conditions, Query } from "../lib/query";
import { wordsOfFilter } from "../panels/filters/names";
import { Combobox } from "../ui/combobox";
import { Dialog } from "../ui/dialog";
import { Field, Form, useSending } from "../ui/form";
import { useConditions } from "./conditions";
import { useKnown } from "./known";
import { Choice } from "./question";

export function nameOfGoal({ name }: Goal): string {
    return visible(name, "(blank)");
}

/** "Page contains /buy, Country is Germany"; of a kind that is not known here what it says itself. */
export function textOfGoal({ id: _, name: __, match = "is", filters = [], ...rest }: Goal): string {
    const kind = GOAL_KINDS.find((one) => one.name in rest);
    const isAny = match === "any";
    const what = kind ? (isAny ? `Any ${kind.noun.toLowerCase()}` : `${kind.noun} ${match} ${visible(String(rest[kind.name]), "(blank)")}`) : JSON.stringify(rest);
    return [what, ...filters.map(textOfCondition)].join(", ");
}

/** A condition that the dashboard cannot make may stand there too, since goals come by other ways. */
function textOfCondition(condition: Conditions): string {
    const filter = filterOf(condition);
    return filter ? wordsOfFilter(filter) : JSON.stringify(condition);
}

interface Props {
    site: Site;
    /** Of what gets the focus afterwards, where nothing else has it. */
    backTo: string;
    onDone: () => void;
    onClose: () => void;
}

const FIELDS = ["name", "match", ...GOAL_KINDS.map(({ name }) => name)];

/** A name, what meets it, and conditions: of a new goal, or of one that formOf() knows. */
export function EditGoal({ site, goal, base, backTo, onDone, onClose }: Props & { goal?: Goal; base: Query }) {
    const form = goal && formOf(goal);
    const [kind, setKind] = useState<GoalKind>(form?.kind ?? "page");
    const [match, setMatch] = useState<Match>(form?.match ?? "is");
    const [typed, setTyped] = useState(form?.value ?? "");
    const [missing, setMissing] = useState("");
    const conditions = useConditions({ initial: form?.filters ?? [], base, label: "Conditions", error: match === "any" ? missing : "" });
    const id = useId();
    const text = typed.trim();
    const { noun, dimension } = GOAL_KINDS.find(({ name }) => name === kind) ?? GOAL_KINDS[0];
    const isMeant = (name: string) => name.toLowerCase().includes(text.toLowerCase());
    const known = useKnown(dimension, base, text).filter(({ value, name }) => value !== "" && isMeant(name));
    const sending = useSending(FIELDS, async ({ name = "" }) => {
        const isAny = match === "any";
        if (isAny && conditions.filters.length === 0) {
            setMissing(`Say by a condition which ${noun.toLowerCase()} it is.`);
            return;
        }
        if (!isAny && text === "") {
            setMissing("Choose or type one.");
            document.getElementById(`${id}-value`)?.focus();
            return;
        }
        const body = goalRequest({ name: name.trim(), kind, match, value: isAny ? "" : text, filters: conditions.filters });
        await saveGoal(site.id, body, goal?.id);
        onDone();
    });
    return (
        <Dialog title={goal ? `Change ${nameOfGoal(goal)}` : "Add a goal"} backTo={backTo} onClose={onClose}>
            <Form sending={sending} button={goal ? "Change" : "Add"}>
                <Field
                    label="Name"
                    name="name"
                    autocomplete="off"
                    autofocus
                    error={sending.errorOf("name")}
                    {...(goal && { value: goal.name, hint: RENAMED })}
                />
                <div class="two">
                    <Choice label="Met by" value={kind} error="" onChoose={(name) => setKind(name as GoalKind)}>
                        {optionsOf(GOAL_KINDS)}
                    </Choice>
                    <Choice
                        label="Match"
                        value={match}
                        error={sending.errorOf("match") ?? ""}
                        onChoose={(name) => {
                            setMatch(name as Match);
                            setMissing("");
                        }}
                    >
                        {optionsOf(MATCHES)}
                    </Choice>
                </div>
                {match !== "any" && <div class="field">
                    <label for={`${id}-value`}>{noun}</label>
                    <Combobox
                        id={`${id}-value`}
                        value={typed}
                        placeholder={MATCHES.find(({ name }) => name === match)?.hint ?? ""}
                        options={known.map(({ value, name }) => ({ id: value, label: name }))}
                        nothing={text === "" ? "Nothing in this period" : "Nothing in this period is called so. It is taken as it is."}
                        error={missing || (sending.errorOf(kind) ?? "")}
                        onInput={(value) => {
                            setTyped(value);
                            setMissing("");
                        }}
                        onChoose={(value) => {
                            setTyped(value);
                            setMissing("");
                        }}
                        onEnter={() => (document.getElementById(`${id}-value`) as HTMLInputElement).form?.requestSubmit()}
                        onBackspace={() => undefined}
                    />
                </div>}
                {conditions.field}
            </Form>
            {conditions.dialog}
        </Dialog>
    );
}

const optionsOf = (options: readonly { name: string; label: string }[]) =>
    options.map(({ name, label }) => (
        <option value={name} key={name}>
            {label}
        </option>
    ));

const RENAMED = "Segments, links and programs that ask for the old name do not find it any more.";

export function RenameGoal({ site, goal, backTo, onDone, onClose }: Props & { goal: Goal }) {
    const sending = useSending(["name"], async ({ name = "" }) => {
        const wanted = name.trim();
        if (wanted === goal.name) return onClose();
        await renameGoal(site.id, goal, wanted);
        onDone();
    });
    return (
        <Dialog title={`Rename ${nameOfGoal(goal)}`} backTo={backTo} onClose={onClose}>
            <Form sending={sending} button="Rename">
                <Field
                    label="Name"
                    name="name"
                    autocomplete="off"
                    autofocus
                    value={goal.name}
                    error={sending.errorOf("name")}
                    hint={RENAMED}
                />
            </Form>
        </Dialog>
    );
}

export function RemoveGoal({ site, goal, backTo, onDone, onClose }: Props & { goal: Goal }) {
    const sending = useSending([], async () => {
        await removeGoal(site.id, goal);
        onDone();
    });
    return (
        <Dialog title={`Delete ${nameOfGoal(goal)}?`} backTo={backTo} onClose={onClose}>
            <p class="field">{textOfGoal(goal)}</p>
            <p class="field">
                No event is touched: the same goal, added again, has the same conversions. Segments, links and programs that ask for it by
                name do not find it meanwhile.
            </p>
            <Form sending={sending} button="Delete">
                {undefined}
            </Form>
        </Dialog>
    );
}
