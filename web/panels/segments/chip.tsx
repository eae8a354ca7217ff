import type { Problem } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { wordsOf } from "../../ui/states";
import { nameOfSegment } from "./names";

interface Props {
    name: string;
    /** What the server says of it. */
    problem: Problem | undefined;
    onChoose: (name: string | undefined) => void;
    onList: () => void;
}

const ERROR_ID = "segment-error";

/** The segment that is applied, as a member of the list of filters. */
export function SegmentChip({ name, problem, onChoose, onList }: Props) {
    const text = nameOfSegment(name);
    return (
        <li class={problem ? "chip wrong" : "chip"}>
            <span class="chip-name chip-group">Segment</span>
            <button
                type="button"
                class="chip-value"
                title={text}
                aria-label={`The segment ${text}: show the segments`}
                aria-describedby={problem ? ERROR_ID : undefined}
                onClick={onList}
            >
                {text}
            </button>
            <button type="button" class="chip-close" aria-label={`Leave the segment ${text}`} onClick={() => onChoose(undefined)}>
                <Icon name="close" size={12} />
            </button>
        </li>
    );
}

/** Below the list: why there are no numbers, and what to do. */
export function SegmentProblem({ problem, onChoose }: { problem: Problem; onChoose: (name: string | undefined) => void }) {
    const near = problem.did_you_mean;
    return (
        <div class="chips-error" role="alert">
            <p class="field-error" id={ERROR_ID}>
                {wordsOf(problem)}
            </p>
            <span class="buttons">
                {near !== undefined && near !== "" && (
                    <button type="button" class="button" onClick={() => onChoose(near)}>
                        Show '{nameOfSegment(near)}'
                    </button>
                )}
                <button type="button" class="button" onClick={() => onChoose(undefined)}>
                    Show all visitors
                </button>
            </span>
        </div>
    );
}
