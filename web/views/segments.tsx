import { useEffect, useRef, useState } from "preact/hooks";

import { show, view } from "../app/location";
import type { Segments } from "../app/segments";
import { ended } from "../app/session";
import { readView, viewSearch } from "../app/state";
import { ApiError } from "../lib/api";
import { placeIn, filterAt } from "../lib/filter";
import type { FilterTree } from "../lib/query";
import { filtersOf, kept, removeSegment, saveSegment, type Segment, SEGMENT_NAME_MAX, SEGMENTS_MAX } from "../lib/segments";
import { wordsOfFilter } from "../panels/filters/names";
import { nameOfSegment, wordsOfSegment } from "../panels/segments/names";
import { Dialog } from "../ui/dialog";
import { Field, Form, useSending } from "../ui/form";
import { Empty } from "../ui/states";
import { Foot, Sure } from "../ui/sure";

interface Props {
    segments: Segments;
    /** A new one, of the page's filters, or all of them. */
    mode: "save" | "list";
    mayEdit: boolean;
    backTo: string;
    /** What questions of the page are about may be another thing now. */
    onChanged: () => void;
    onClose: () => void;
}

/** The segments of the site: to choose, and for those who may, to make, rename, change and delete. */
export default function SegmentsDialog({ segments, mode, mayEdit, backTo, onChanged, onClose }: Props) {
    useEffect(() => void segments.load(), []);
    const change = async (act: () => Promise<void>): Promise<void> => {
        await act().catch((error: unknown) => {
            if (error instanceof ApiError && error.status === 401) ended(true);
            throw error;
        });
        await segments.load();
        onChanged();
    };
    if (mode === "save")
        return (
            <Dialog title="Save as a segment" backTo={backTo} onClose={onClose}>
                <Save segments={segments} change={change} onClose={onClose} />
            </Dialog>
        );
    const list = segments.list.value;
    return (
        <Dialog title="Segments" wide backTo={backTo} onClose={onClose}>
            {segments.failure.value && (
                <p class="form-error" role="alert">
                    The segments could not be loaded. {segments.failure.value}
                </p>
            )}
            {list?.length === 0 && (
                <Empty title="This site has no segments yet">
                    A segment is filters under a name, such as the readers of a newsletter, to look at in every view.{" "}
                    {mayEdit ? "Filter the page, and save its filters as one." : "Editors and admins can make them."}
                </Empty>
            )}
            <List list={list ?? []} siteId={segments.siteId} mayEdit={mayEdit} change={change} onClose={onClose} />
        </Dialog>
    );
}

type Change = (act: () => Promise<void>) => Promise<void>;

/** What is wrong with a filter, with the filter that it is. */
function placed(error: unknown, filters: readonly FilterTree[]): unknown {
    const place = error instanceof ApiError ? placeIn(filters, error.field) : undefined;
    const filter = place && filterAt(filters, place);
    return error instanceof ApiError && filter ? new ApiError(`${wordsOfFilter(filter)}: ${error.message}`, error.status, error.code) : error;
}

function Save({ segments, change, onClose }: { segments: Segments; change: Change; onClose: () => void }) {
    const { filters, segment } = view.value;
    const isFull = (segments.list.value?.length ?? 0) >= SEGMENTS_MAX;
    const sending = useSending(["name"], async ({ name = "" }) => {
        await change(() => saveSegment(segments.siteId, { name, filters: kept(filters) })).catch((error) => Promise.reject(placed(error, filters)));
        onClose();
        show({ segment: name, filters: [] });
    });
    return (
        <Form sending={sending} button="Save">
            <Words filters={filters} />
            {segment !== undefined && <p class="hint">The segment '{nameOfSegment(segment)}' is not part of it.</p>}
            {isFull && <p class="hint">A site has at most {SEGMENTS_MAX} segments.</p>}
            <Field label="Name" name="name" autofocus maxLength={SEGMENT_NAME_MAX} error={sending.errorOf("name")} />
        </Form>
    );
}

function Words({ filters }: { filters: readonly FilterTree[] }) {
    return (
        <ul class="segment-filters" aria-label="Its filters">
            {filters.map((filter, index) => (
                <li key={index}>{wordsOfFilter(filter)}</li>
            ))}
        </ul>
    );
}

type Doing = { id: string; what: "rename" | "change" | "remove" } | undefined;

interface ListProps {
    list: readonly Segment[];
    siteId: string;
    mayEdit: boolean;
    change: Change;
    onClose: () => void;
}

function List({ list, siteId, mayEdit, change, onClose }: ListProps) {
    const [doing, setDoing] = useState<Doing>();
    const [told, tell] = useState("");
    const root = useRef<HTMLUListElement>(null);
    const { filters, segment: applied } = view.value;

    function choose(segment: Segment): void {
        onClose();
        show({ segment: segment.name });
    }

    /** Back to the button that began it; where its row is gone, to the first one. */
    function end(said = ""): void {
        const before = doing;
        setDoing(undefined);
        tell(said);
        requestAnimationFrame(() => {
            const row = root.current?.querySelector(`[data-id="${before?.id}"]`);
            (row?.querySelector<HTMLElement>(`[data-what="${before?.what}"]`) ?? root.current?.querySelector<HTMLElement>("button"))?.focus();
        });
    }

    const form = (segment: Segment) => {
        const isApplied = segment.name === applied;
        if (doing?.what === "rename")
            return (
                <Rename
                    segment={segment}
                    onSave={async (name) => {
                        await change(() => saveSegment(siteId, { ...segment, name }));
                        if (isApplied) show({ segment: name }, { replace: true });
                        end(`The segment is called ${nameOfSegment(name)} now.`);
                    }}
                    onLeave={() => end()}
                />
            );
        if (doing?.what === "change")
            return (
                <Sure
                    question={`Replace the filters of '${nameOfSegment(segment.name)}' by these, for everyone?`}
                    button="Replace"
                    act={async () => {
                        await change(() => saveSegment(siteId, { ...segment, filters: kept(filters) })).catch((error) => Promise.reject(placed(error, filters)));
                        onClose();
                        show({ segment: segment.name, filters: [] });
                    }}
                    onLeave={() => end()}
                >
                    <Words filters={filters} />
                </Sure>
            );
        return (
            <Sure
                question={`Delete '${nameOfSegment(segment.name)}' for everyone? Links that have it will show nothing but that it is gone.`}
                button="Delete"
                act={async () => {
                    await change(() => removeSegment(siteId, segment));
                    if (isApplied) show({ segment: undefined }, { replace: true });
                    end(`${nameOfSegment(segment.name)} is deleted.`);
                }}
                onLeave={() => end()}
            />
        );
    };

    return (
        <>
            <p class="visually-hidden" role="status">
                {told}
            </p>
            <ul class="segments" ref={root}>
                {list.map((segment) => (
                    <li key={segment.id} data-id={segment.id}>
                        <h3>
                            {nameOfSegment(segment.name)}
                            {segment.name === applied && <span class="quiet"> {"\u00b7"} shown</span>}
                        </h3>
                        <p class="quiet small">{wordsOfSegment(segment)}</p>
                        {doing?.id === segment.id ? (
                            form(segment)
                        ) : (
                            <Actions segment={segment} mayEdit={mayEdit} hasFilters={filters.length > 0} onChoose={choose} onClose={onClose} onDo={setDoing} />
                        )}
                    </li>
                ))}
            </ul>
        </>
    );
}

interface ActionsProps {
    segment: Segment;
    mayEdit: boolean;
    hasFilters: boolean;
    onChoose: (segment: Segment) => void;
    onClose: () => void;
    onDo: (doing: Doing) => void;
}

function Actions({ segment, mayEdit, hasFilters, onChoose, onClose, onDo }: ActionsProps) {
    const name = nameOfSegment(segment.name);
    const { id } = segment;
    const its = filtersOf(segment);
    const apart = its && { ...view.value, segment: undefined, filters: its };
    const fits = apart && readView(viewSearch(apart)).dropped.length === 0;
    const named = (what: string, text: string, run: () => void) => (
        <button type="button" class="text-button" data-what={what} aria-label={`${text}: ${name}`} onClick={run}>
            {text}
        </button>
    );
    return (
        <div class="segment-actions">
            {named("choose", "Show", () => onChoose(segment))}
            {fits &&
                named("apart", "Show as filters", () => {
                    onClose();
                    show({ segment: undefined, filters: its });
                })}
            {mayEdit && named("rename", "Rename", () => onDo({ id, what: "rename" }))}
            {mayEdit && hasFilters && named("change", "Change to the page's filters", () => onDo({ id, what: "change" }))}
            {mayEdit && named("remove", "Delete", () => onDo({ id, what: "remove" }))}
        </div>
    );
}

function Rename({ segment, onSave, onLeave }: { segment: Segment; onSave: (name: string) => Promise<void>; onLeave: () => void }) {
    const sending = useSending(["name"], ({ name = "" }) => onSave(name));
    return (
        <form class="segment-form" onSubmit={sending.submit}>
            <Field label="New name" name="name" value={segment.name} autofocus maxLength={SEGMENT_NAME_MAX} error={sending.errorOf("name")} />
            <Foot sending={sending} button="Rename" onLeave={onLeave} />
        </form>
    );
}
