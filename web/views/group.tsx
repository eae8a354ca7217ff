import { useId, useRef } from "preact/hooks";

import { CONDITIONS_MAX, DEPTH_MAX } from "../lib/filter";
import { conditionsOf, depthOf, type Draft, isDraft, isDoing, isOfDoings, memberAt, type Mode, MODES, withMember } from "../lib/filtergroup";
import { wordsOfFilter } from "../panels/filters/names";
import { Icon } from "../ui/icons";

const NAMES: Record<Mode, string> = {
    all: "All of these hold",
    any: "Any of these holds",
    none: "None of these holds",
    not_all: "Not all of these hold",
    done: "Once all of these together",
    not_done: "Never all of these together",
};
const BETWEEN: Record<Mode, string> = { all: "and", any: "or", none: "or", not_all: "and", done: "and", not_done: "and" };

export type Path = readonly number[];

interface Props {
    draft: Draft;
    /** What the server says of one of them. */
    wrong: { path: Path; message: string } | undefined;
    onChange: (draft: Draft) => void;
    /** Of a place behind the last member: a new one. */
    onEdit: (path: Path) => void;
}

/** The ids of what gets the focus when an inner condition was edited, or taken away. */
export const rowId = (path: Path): string => `condition-${path.join("-")}`;
export const addId = (path: Path): string => `condition-add-${path.join("-")}`;

/** A group of conditions and of groups, each a list under what it asks of its members. */
export function GroupEditor(props: Props) {
    return <Group {...props} path={[]} />;
}

function Group({ path, ...props }: Props & { path: Path }) {
    const { draft, wrong, onChange, onEdit } = props;
    const id = useId();
    const root = useRef<HTMLDivElement>(null);
    const group = memberAt(draft, path);
    if (!group || !isDraft(group)) return null;
    const next = [...path, group.members.length];
    const isFull = conditionsOf(draft) >= CONDITIONS_MAX;
    const isInDoing = path.length > 0 && isDoing(draft, path.slice(0, -1));
    const isDeep = depthOf(withMember(draft, next, { mode: "all", members: [] })) > DEPTH_MAX;

    function remove(at: number): void {
        onChange(withMember(draft, [...path, at], undefined));
        document.getElementById(addId(path))?.focus();
    }

    return (
        <div class="filter-group" role="group" aria-label={NAMES[group.mode]} ref={root}>
            <label class="visually-hidden" for={id}>
                What must hold
            </label>
            <select id={id} value={group.mode} onChange={(event) => onChange(withMember(draft, path, { ...group, mode: event.currentTarget.value as Mode }))}>
                {MODES.filter((mode) => !isInDoing || !isOfDoings(mode) || mode === group.mode).map((mode) => (
                    <option value={mode} key={mode}>
                        {NAMES[mode]}
                    </option>
                ))}
            </select>
            {isOfDoings(group.mode) && <p class="hint">Of one event, or of one session, of the visitor at any time of the period. Pages, events and their kind are of events; sources and entry pages of sessions.</p>}
            <ul class="filter-members">
                {group.members.map((member, at) => {
                    const here = [...path, at];
                    const isWrong = wrong?.path.join() === here.join();
                    return (
                        <li key={at}>
                            {at > 0 && <span class="filter-between">{BETWEEN[group.mode]}</span>}
                            <div class={isWrong ? "filter-member wrong" : "filter-member"}>
                                {isDraft(member) ? (
                                    <Group {...props} path={here} />
                                ) : (
                                    <button
                                        type="button"
                                        class="filter-words"
                                        id={rowId(here)}
                                        aria-label={`Edit: ${wordsOfFilter(member)}`}
                                        aria-describedby={isWrong ? `${rowId(here)}-error` : undefined}
                                        onClick={() => onEdit(here)}
                                    >
                                        {wordsOfFilter(member)}
                                    </button>
                                )}
                                <button
                                    type="button"
                                    class="icon-button"
                                    aria-label={isDraft(member) ? `Remove the group: ${NAMES[member.mode]}` : `Remove: ${wordsOfFilter(member)}`}
                                    onClick={() => remove(at)}
                                >
                                    <Icon name="close" size={12} />
                                </button>
                            </div>
                            {isWrong && (
                                <p class="field-error" id={`${rowId(here)}-error`} role="alert">
                                    {wrong?.message}
                                </p>
                            )}
                        </li>
                    );
                })}
            </ul>
            <div class="filter-add">
                <button type="button" class="text-button" id={addId(path)} aria-disabled={isFull} onClick={() => !isFull && onEdit(next)}>
                    Add a condition
                </button>
                {!isDeep && !isFull && (
                    <button
                        type="button"
                        class="text-button"
                        onClick={() => {
                            onChange(withMember(draft, next, { mode: group.mode === "any" ? "all" : "any", members: [] }));
                            requestAnimationFrame(() => root.current?.querySelector<HTMLElement>(`:scope > .filter-members > li:last-child select`)?.focus());
                        }}
                    >
                        Add a group
                    </button>
                )}
            </div>
            {isFull && path.length === 0 && <p class="hint">A question has at most {CONDITIONS_MAX} conditions.</p>}
        </div>
    );
}
