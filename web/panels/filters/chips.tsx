import type { Filter } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { nameOfDimension, nameOfValue, OPERATORS } from "./names";

const OPPOSITE = { is: "is_not", is_not: "is", contains: "contains_not", contains_not: "contains" } as const;

interface Props {
    filters: readonly Filter[];
    onChange: (filters: readonly Filter[]) => void;
    /** By its place in the list. */
    onEdit: (index: number) => void;
}

/** The conditions of the view; each can be changed, turned round or taken away. */
export function FilterChips({ filters, onChange, onEdit }: Props) {
    if (filters.length === 0) return null;
    return (
        <div class="chips">
            <ul aria-label="Filters">
                {filters.map((filter, index) => {
                    const name = nameOfDimension(filter.dimension);
                    const values = filter.values.map((value) => nameOfValue(filter.dimension, value)).join(" or ");
                    const { operator } = filter;
                    return (
                        <li class="chip" key={`${filter.dimension}${filter.operator}${filter.values.join("~")}`}>
                            <span class="chip-name">{name}</span>
                            {operator === "is_set" ? (
                                <span class="chip-operator">{OPERATORS.is_set}</span>
                            ) : (
                                <button
                                    type="button"
                                    class="chip-operator"
                                    aria-label={`${name} ${OPERATORS[operator]}: change to ${OPERATORS[OPPOSITE[operator]]}`}
                                    title={`Change to '${OPERATORS[OPPOSITE[operator]]}'`}
                                    onClick={() =>
                                        onChange(filters.map((other, at) => (at === index ? { ...filter, operator: OPPOSITE[operator] } : other)))
                                    }
                                >
                                    {OPERATORS[operator]}
                                </button>
                            )}
                            {/* Its target is the whole chip, below the other two buttons. */}
                            <button
                                type="button"
                                class="chip-value"
                                title={values || undefined}
                                aria-label={`Edit the filter: ${name} ${OPERATORS[operator]} ${values}`.trim()}
                                onClick={() => onEdit(index)}
                            >
                                {values}
                            </button>
                            <button
                                type="button"
                                class="chip-close"
                                aria-label={`Remove the filter: ${name} ${OPERATORS[operator]} ${values}`}
                                onClick={() => onChange(filters.filter((_, at) => at !== index))}
                            >
                                <Icon name="close" size={12} />
                            </button>
                        </li>
                    );
                })}
            </ul>
            {filters.length > 1 && (
                <button type="button" class="text-button" onClick={() => onChange([])}>
                    Clear all
                </button>
            )}
        </div>
    );
}
