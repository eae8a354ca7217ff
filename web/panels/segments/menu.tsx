import type { Segments } from "../../app/segments";
import { Icon } from "../../ui/icons";
import { Menu, type MenuItem } from "../../ui/menu";
import { nameOfSegment, wordsOfSegment } from "./names";

interface Props {
    segments: Segments;
    /** The name of the one that is applied. */
    chosen: string | undefined;
    /** Whether the page has filters, and who looks may save them. */
    maySave: boolean;
    mayEdit: boolean;
    onChoose: (name: string | undefined) => void;
    onSave: () => void;
    onList: () => void;
}

const NOTE_MAX = 70;

/** The segments of the site, to choose one, and what can be done to them. */
export function SegmentMenu({ segments, chosen, maySave, mayEdit, onChoose, onSave, onList }: Props) {
    const list = segments.list.value;
    const failure = segments.failure.value;
    const actions: MenuItem[] = [
        ...(maySave ? [{ label: "Save the filters as a segment\u2026", run: onSave }] : []),
        ...(list && list.length > 0 ? [{ label: mayEdit ? "Edit the segments\u2026" : "Show the segments\u2026", run: onList }] : []),
        ...(list?.length === 0 && !maySave ? [{ label: "What is a segment?", run: onList }] : []),
        ...(failure ? [{ label: "Load the segments again", note: failure, run: () => void segments.load() }] : []),
    ];
    return (
        <Menu
            label={chosen === undefined ? "Segment" : `Segment: ${nameOfSegment(chosen)}`}
            kind="button quiet-border"
            align="start"
            items={[
                {
                    label: "All visitors",
                    checked: chosen === undefined,
                    ...(list?.length === 0 ? { note: "This site has no segments yet" } : !list && !failure ? { note: "The segments are being loaded" } : {}),
                    run: () => onChoose(undefined),
                },
                ...(list ?? []).map((segment) => ({
                    label: nameOfSegment(segment.name),
                    note: cut(wordsOfSegment(segment)),
                    checked: segment.name === chosen,
                    run: () => onChoose(segment.name),
                })),
                ...actions.map((item, index) => ({ ...item, separated: index === 0 })),
            ]}
        >
            <span class="menu-icon">
                <Icon name="segment" />
            </span>
            <span class="tool-text">Segment</span>
        </Menu>
    );
}

const cut = (text: string): string => (text.length > NOTE_MAX ? `${text.slice(0, NOTE_MAX)}\u2026` : text);
