import { type Annotation, type Mark } from "../lib/annotations";
import type { Bucket } from "../lib/buckets";
import { plural, visible } from "../lib/format";
import { Icon } from "../ui/icons";

export const textOf = ({ time, text }: Annotation): string => `${time === null ? "" : `${time} `}${visible(text, "(blank)")}`;

interface Props {
    marks: readonly Mark[];
    buckets: readonly Bucket[];
    x: (bucket: number) => number;
    onPoint: (mark: Mark | undefined) => void;
    onOpen: (mark: Mark) => void;
}

/** The annotations below a chart's line, as a list of buttons: what is drawn in the chart's element no screen reader can reach. */
export function Marks({ marks, buckets, x, onPoint, onOpen }: Props) {
    if (marks.length === 0) return null;
    return (
        <ul class="marks" aria-label="Annotations">
            {marks.map((mark) => (
                <li key={mark.from} style={{ left: `${(x(mark.from) + x(mark.to)) / 2}px` }}>
                    <button
                        type="button"
                        aria-haspopup="dialog"
                        aria-label={nameOf(mark, buckets)}
                        onPointerEnter={() => onPoint(mark)}
                        onPointerLeave={() => onPoint(undefined)}
                        onFocus={() => onPoint(mark)}
                        onBlur={() => onPoint(undefined)}
                        onClick={() => onOpen(mark)}
                    >
                        <span>{mark.annotations.length > 1 ? mark.annotations.length : <Icon name="note" size={12} />}</span>
                    </button>
                </li>
            ))}
        </ul>
    );
}

function nameOf({ from, to, annotations }: Mark, buckets: readonly Bucket[]): string {
    const [first, last] = [buckets[from]?.title ?? "", buckets[to]?.title ?? ""];
    const when = from === to ? first : `${first} to ${last}`;
    const [only] = annotations;
    return annotations.length === 1 && only ? `${when}: ${textOf(only)}` : `${plural(annotations.length, "annotation")}, ${when}`;
}

const SHOWN_MAX = 4;

/** As a part of what is shown beside a point. */
export function TipNotes({ annotations }: { annotations: readonly Annotation[] }) {
    if (annotations.length === 0) return null;
    return (
        <>
            {annotations.slice(0, SHOWN_MAX).map((annotation) => (
                <p class="tip-note" key={annotation.id}>
                    <Icon name="note" size={12} /> <bdi>{textOf(annotation)}</bdi>
                </p>
            ))}
            {annotations.length > SHOWN_MAX && <p class="tip-note quiet">and {annotations.length - SHOWN_MAX} more</p>}
        </>
    );
}
