import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";

import { refusal } from "../app/refusal";
import { isOfFilters } from "../lib/filter";
import type { Problem } from "../lib/query";
import { Empty, Failure, wordsOf } from "../ui/states";

export { wordsOf };

/** A choice that is part of a question, with what the server says of it. */
export function Choice({
    label,
    hint,
    value,
    error,
    onChoose,
    children,
}: {
    label: string;
    hint?: string;
    value: string;
    error: string;
    onChoose: (value: string) => void;
    children: ComponentChildren;
}) {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <select
                id={id}
                value={value}
                aria-invalid={error ? true : undefined}
                aria-describedby={error ? `${id}-error` : hint && `${id}-hint`}
                onChange={(event) => onChoose(event.currentTarget.value)}
            >
                {children}
            </select>
            {error ? (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {error}
                </p>
            ) : (
                hint && (
                    <p class="hint" id={`${id}-hint`}>
                        {hint}
                    </p>
                )
            )}
        </div>
    );
}

/** In the place of an answer: the error, or where it stands. */
export function Refused({ problem, place, what, onRetry }: { problem: Problem; place: string; what: string; onRetry: () => void }) {
    useEffect(() => {
        refusal.value = problem;
        return () => {
            refusal.value = undefined;
        };
    }, [problem]);
    if (isOfFilters(problem)) return <Empty title={`${what} could not be counted`}>What is wrong is marked at the {problem.field === "segment" ? "segment" : "filter"} above.</Empty>;
    if (place !== "") return <Empty title={`${what} could not be counted`}>What is wrong is marked in the question.</Empty>;
    return <Failure problem={problem} what={what} onRetry={onRetry} />;
}
