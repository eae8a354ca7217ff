import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

import type { Problem } from "../lib/query";
import { Empty, Failure } from "../ui/states";

/** What the server says, and what it guesses was meant. */
export function wordsOf(problem: Problem | undefined): string {
    if (!problem) return "";
    return problem.did_you_mean ? `${problem.message}. Did you mean '${problem.did_you_mean}'?` : problem.message;
}

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
    hint: string;
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
                aria-describedby={error ? `${id}-error` : `${id}-hint`}
                onChange={(event) => onChoose(event.currentTarget.value)}
            >
                {children}
            </select>
            {error ? (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {error}
                </p>
            ) : (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
        </div>
    );
}

/** In the place of an answer: the error, or where it stands. */
export function Refused({ problem, place, what, onRetry }: { problem: Problem; place: string; what: string; onRetry: () => void }) {
    if (place !== "") return <Empty title={`${what} could not be counted`}>What is wrong is marked in the question.</Empty>;
    return <Failure problem={problem} what={what} onRetry={onRetry} />;
}
