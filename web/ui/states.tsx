import type { ComponentChildren } from "preact";

import { explained, partial } from "../lib/partial";
import type { Meta, Problem } from "../lib/query";

/** What the server says, and what it guesses was meant. */
export function wordsOf(problem: Problem | undefined): string {
    if (!problem) return "";
    return problem.did_you_mean ? `${problem.message}. Did you mean '${problem.did_you_mean}'?` : problem.message;
}

/** Grey rows in the place of those to come, so that nothing moves when they are here. */
export function SkeletonRows({ rows }: { rows: number }) {
    return (
        <div class="skeleton-rows" aria-hidden="true">
            {Array.from({ length: rows }, (_, index) => (
                <div class="skeleton-row" key={index}>
                    <i class={`skeleton w${(index * 7) % 5}`} />
                    <i class="skeleton short" />
                </div>
            ))}
        </div>
    );
}

/** What failed, in the server's words, and a way to try it again. */
export function Failure({ problem, what, onRetry }: { problem: Problem; what: string; onRetry: (() => void) | undefined }) {
    return (
        <div class="failure" role="alert">
            <p>
                <strong>{what} could not be loaded.</strong> {problem.message}
                {problem.did_you_mean && ` Did you mean '${problem.did_you_mean}'?`}
            </p>
            {onRetry && (
                <button type="button" class="button" onClick={onRetry}>
                    Try again
                </button>
            )}
        </div>
    );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children && <p>{children}</p>}
        </div>
    );
}

/** What the numbers above are not; nothing where they are exact, whole and fresh. */
export function Partial({ meta }: { meta: Meta | undefined }) {
    const note = meta ? partial(meta) : "";
    return note ? <p class="partial">{note}</p> : null;
}

interface EstimateProps {
    meta: Meta | undefined;
    isExact: boolean;
    onExact: (exact: boolean) => void;
}

/** The same of an answer that can be counted exactly instead. The switch stays where it is on, for whoever does not want to wait after all. */
export function Estimate({ meta, isExact, onExact }: EstimateProps) {
    const estimate = meta ? explained(meta) : "";
    const note = meta ? partial(meta, estimate) : "";
    const isOffered = isExact || estimate !== "";
    if (!note && !isOffered) return null;
    return (
        <div class="partial estimate-note">
            {note && <p>{note}</p>}
            {isOffered && (
                <label class="switch">
                    <input type="checkbox" role="switch" checked={isExact} onChange={(event) => onExact(event.currentTarget.checked)} />
                    Count exactly
                </label>
            )}
        </div>
    );
}
