import type { JSX } from "preact";

import { filterAt, type FilterPlace, isGroup } from "../../lib/filter";
import type { Filter, FilterTree, Operator } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { nameOfDimension, nameOfGroup, nameOfValues, OPERATORS, wordsOfFilter, wordsOfMembers } from "./names";

const OPPOSITE: Partial<Record<Operator, Operator>> = {
    is: "is_not",
    is_not: "is",
    contains: "contains_not",
    contains_not: "contains",
    matches: "matches_not",
    matches_not: "matches",
    is_set: "is_not_set",
    is_not_set: "is_set",
    has_done: "has_not_done",
    has_not_done: "has_done",
};

interface Props {
    filters: readonly FilterTree[];
    /** What the server says of one of them, or of one inside of it. */
    problem?: (FilterPlace & { message: string }) | undefined;
    /** Stands before them: what else the view is about. */
    before: readonly JSX.Element[];
    onChange: (filters: readonly FilterTree[]) => void;
    /** By its place in the list. */
    onEdit: (index: number) => void;
    /** Takes all of them away, and what stands before them. */
    onClear: () => void;
}

const ERROR_ID = "filters-error";

/** The conditions of the view; each can be changed, turned round or taken away. A group is one of them. */
export function FilterChips({ filters, problem, before, onChange, onEdit, onClear }: Props) {
    if (filters.length + before.length === 0) return null;
    const wrong = filters[problem?.index ?? -1];
    const within = problem && filterAt(filters, problem);
    return (
        <>
            <div class="chips">
                <ul aria-label="Filters">
                    {before}
                    {filters.map((filter, index) => {
                        const words = wordsOfFilter(filter);
                        const values = isGroup(filter) ? wordsOfMembers(filter) : nameOfValues(filter);
                        return (
                            <li class={filter === wrong ? "chip wrong" : "chip"} key={JSON.stringify(filter)}>
                                {isGroup(filter) ? (
                                    <span class="chip-name chip-group">{nameOfGroup(filter)}</span>
                                ) : (
                                    <Turn filter={filter} onChange={(turned) => onChange(filters.map((other, at) => (at === index ? turned : other)))} />
                                )}
                                {/* Its target is the whole chip, below the other buttons. */}
                                <button
                                    type="button"
                                    class="chip-value"
                                    title={(isGroup(filter) ? words : values) || undefined}
                                    aria-label={`Edit the filter: ${words}`}
                                    aria-describedby={filter === wrong ? ERROR_ID : undefined}
                                    onClick={() => onEdit(index)}
                                >
                                    {values}
                                </button>
                                <button
                                    type="button"
                                    class="chip-close"
                                    aria-label={`Remove the filter: ${words}`}
                                    onClick={() => onChange(filters.filter((_, at) => at !== index))}
                                >
                                    <Icon name="close" size={12} />
                                </button>
                            </li>
                        );
                    })}
                </ul>
                {filters.length + before.length > 1 && (
                    <button type="button" class="text-button" onClick={onClear}>
                        Clear all
                    </button>
                )}
            </div>
            {within && (
                <p class="field-error chips-error" id={ERROR_ID} role="alert">
                    <strong>{wordsOfFilter(within)}:</strong> {problem.message}
                </p>
            )}
        </>
    );
}

/** Of what a condition is and how; a click on how turns it into its opposite, where there is one. */
function Turn({ filter, onChange }: { filter: Filter; onChange: (turned: Filter) => void }) {
    const name = nameOfDimension(filter.dimension);
    const operator = OPERATORS[filter.operator];
    const opposite = OPPOSITE[filter.operator];
    return (
        <>
            <span class="chip-name">{name}</span>
            {opposite ? (
                <button
                    type="button"
                    class="chip-operator"
                    aria-label={`${name} ${operator}: change to ${OPERATORS[opposite]}`}
                    title={`Change to '${OPERATORS[opposite]}'`}
                    onClick={() => onChange({ ...filter, operator: opposite })}
                >
                    {operator}
                </button>
            ) : (
                <span class="chip-operator">{operator}</span>
            )}
        </>
    );
}
