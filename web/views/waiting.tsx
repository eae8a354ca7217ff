import type { ReadonlySignal } from "@preact/signals";
import { useId } from "preact/hooks";

import { isLate, type Progress, progressText, totalOf } from "../lib/progress";

/** How far a question is that takes long; nothing of one that does not. */
export function Waiting({ progress }: { progress: ReadonlySignal<Progress | undefined> }) {
    const id = useId();
    const far = progress.value && isLate(progress.value) ? progress.value : undefined;
    const total = far && totalOf(far);
    return (
        <div class="waiting">
            {/* Said once; the numbers change several times a second, and are there for whoever looks. */}
            <p class="visually-hidden" role="status">
                {far && "Still counting."}
            </p>
            {far && (
                <div class="waiting-far">
                    <p id={id}>{progressText(far)}</p>
                    {/* Preact leaves a value that was there: without one it is another element. */}
                    <progress key={total === undefined ? "open" : "of all"} aria-labelledby={id} max={total ?? 1} {...(total === undefined ? {} : { value: far.rows_read })} />
                </div>
            )}
        </div>
    );
}
