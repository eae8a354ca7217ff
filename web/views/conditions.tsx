import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

import type { FilterTree, Query } from "../lib/query";
import { wordsOfFilter } from "../panels/filters/names";
import { Icon } from "../ui/icons";
import FilterDialog from "./filter";

interface Props {
    initial: readonly FilterTree[];
    /** Values that it has are suggested. */
    base: Query;
    label: string;
    error?: string;
}

interface Editor {
    filters: readonly FilterTree[];
    /** Of the form. */
    field: ComponentChildren;
    /** Beside the form: it has one of its own. */
    dialog: ComponentChildren;
}

/** Conditions that are part of something else, such as a step. */
export function useConditions({ initial, base, label, error = "" }: Props): Editor {
    const [filters, setFilters] = useState(initial);
    const [editing, edit] = useState<number | "new">();
    const id = useId();
    const index = editing === "new" ? undefined : editing;
    function remove(at: number): void {
        setFilters(filters.filter((_, other) => other !== at));
        document.getElementById(`${id}-add`)?.focus();
    }
    const field = (
        <div class="field" role="group" aria-labelledby={`${id}-label`}>
            <p class="field-name" id={`${id}-label`}>
                {label}
            </p>
            {filters.length > 0 && (
                <ul class="tokens" aria-label={label}>
                    {filters.map((filter, at) => {
                        const text = wordsOfFilter(filter);
                        return (
                            <li class="token" key={text}>
                                <button
                                    type="button"
                                    class="token-text"
                                    aria-haspopup="dialog"
                                    aria-label={`Change: ${text}`}
                                    onClick={() => edit(at)}
                                >
                                    {text}
                                </button>
                                <button type="button" class="chip-close" aria-label={`Remove: ${text}`} onClick={() => remove(at)}>
                                    <Icon name="close" size={12} />
                                </button>
                            </li>
                        );
                    })}
                </ul>
            )}
            <button type="button" class="button" id={`${id}-add`} aria-haspopup="dialog" onClick={() => edit("new")}>
                Add a condition
            </button>
            {error && (
                <p class="field-error" role="alert">
                    {error}
                </p>
            )}
        </div>
    );
    const dialog = editing !== undefined && (
        <FilterDialog
            filter={index === undefined ? undefined : filters[index]}
            problem={undefined}
            base={base}
            backTo={`${id}-add`}
            onDone={(filter) => {
                edit(undefined);
                setFilters(index === undefined ? [...filters, filter] : filters.map((old, at) => (at === index ? filter : old)));
            }}
            onClose={() => edit(undefined)}
        />
    );
    return { filters, field, dialog };
}
