import { useState } from "preact/hooks";

import type { Annotations } from "../app/annotations";
import { ended } from "../app/session";
import type { Days } from "../app/state";
import { type Annotation, ANNOTATION_LENGTH_MAX, removeAnnotation, saveAnnotation } from "../lib/annotations";
import { ApiError } from "../lib/api";
import { dayRange, longDay } from "../lib/calendar";
import { visible } from "../lib/format";
import { Dialog } from "../ui/dialog";
import { Field, useSending } from "../ui/form";
import { Empty } from "../ui/states";
import { Foot, Sure } from "../ui/sure";

interface Props {
    annotations: Annotations;
    /** Those of these days; undefined: all of the period. */
    days: Days | undefined;
    /** The days of the period; undefined: of all time. */
    period: Days | undefined;
    today: string;
    mayEdit: boolean;
    backTo: string;
    onClose: () => void;
}

type Doing = { what: "add" } | { what: "edit" | "remove"; id: string } | undefined;

const ADD_BUTTON = "annotation-add";

/** What is noted of the site in some days, and for those who may, the way to note, change and delete. */
export default function AnnotationsDialog({ annotations, days, period, today, mayEdit, backTo, onClose }: Props) {
    const [doing, setDoing] = useState<Doing>();
    const [told, tell] = useState("");
    const shown = annotations.list.value.filter(({ date }) => !days || (days.from <= date && date <= days.to));

    const change = async (act: () => Promise<void>): Promise<void> => {
        await act().catch((error: unknown) => {
            if (error instanceof ApiError && error.status === 401) ended(true);
            throw error;
        });
        await annotations.load();
    };

    /** Back to the button that began it; where that is gone, to the one that adds. */
    function end(said = ""): void {
        const before = doing;
        setDoing(undefined);
        tell(said);
        const button = before && before.what !== "add" ? `annotation-${before.what}-${before.id}` : ADD_BUTTON;
        requestAnimationFrame(() => (document.getElementById(button) ?? document.getElementById(ADD_BUTTON))?.focus());
    }

    async function save(id: string | undefined, said: Pick<Annotation, "date" | "time" | "text">): Promise<void> {
        await change(() => saveAnnotation(annotations.siteId, { id, ...said }));
        const span = days ?? period;
        const isShown = !span || (span.from <= said.date && said.date <= span.to);
        end(`${id === undefined ? "Added" : "Changed"}${isShown ? "" : `: it is on ${longDay(said.date)}, outside of the days that are shown`}.`);
    }

    return (
        <Dialog title={days ? `Annotations: ${dayRange(days.from, days.to)}` : "Annotations"} backTo={backTo} onClose={onClose}>
            <p class="annotation-told" role="status">
                {told}
            </p>
            {shown.length === 0 && doing?.what !== "add" && (
                <Empty title="Nothing is noted here">{mayEdit ? "Note what happened, such as a launch: it stands at its time in the chart." : undefined}</Empty>
            )}
            <ul class="annotations">
                {shown.map((annotation) => {
                    const isOf = doing && doing.what !== "add" && doing.id === annotation.id;
                    return (
                        <li key={annotation.id}>
                            {isOf && doing.what === "edit" ? (
                                <Editor annotation={annotation} button="Change" onSave={(said) => save(annotation.id, said)} onLeave={() => end()} />
                            ) : (
                                <Note annotation={annotation} mayEdit={mayEdit && !isOf} onDo={(what) => setDoing({ what, id: annotation.id })} />
                            )}
                            {isOf && doing.what === "remove" && (
                                <Sure
                                    question="Delete it for everyone?"
                                    button="Delete"
                                    act={async () => {
                                        await change(() => removeAnnotation(annotations.siteId, annotation.id));
                                        end("Deleted.");
                                    }}
                                    onLeave={() => end()}
                                />
                            )}
                        </li>
                    );
                })}
            </ul>
            {mayEdit &&
                (doing?.what === "add" ? (
                    <Editor
                        annotation={{ date: days?.from ?? (period && period.to < today ? period.to : today), time: null, text: "" }}
                        button="Add"
                        onSave={(said) => save(undefined, said)}
                        onLeave={() => end()}
                    />
                ) : (
                    <button type="button" class="button" id={ADD_BUTTON} onClick={() => setDoing({ what: "add" })}>
                        Add an annotation
                    </button>
                ))}
        </Dialog>
    );
}

function Note({ annotation, mayEdit, onDo }: { annotation: Annotation; mayEdit: boolean; onDo: (what: "edit" | "remove") => void }) {
    const { id, date, time, created_by } = annotation;
    const text = visible(annotation.text, "(blank)");
    return (
        <>
            <p class="quiet small">
                {longDay(date)}
                {time !== null && `, ${time}`}
                {created_by !== null && <> {"\u00b7"} {created_by}</>}
            </p>
            <p class="annotation-text">
                <bdi>{text}</bdi>
            </p>
            {mayEdit && (
                <div class="segment-actions">
                    <button type="button" class="text-button" id={`annotation-edit-${id}`} aria-label={`Edit: ${text}`} onClick={() => onDo("edit")}>
                        Edit
                    </button>
                    <button type="button" class="text-button" id={`annotation-remove-${id}`} aria-label={`Delete: ${text}`} onClick={() => onDo("remove")}>
                        Delete
                    </button>
                </div>
            )}
        </>
    );
}

interface EditorProps {
    annotation: Pick<Annotation, "date" | "time" | "text">;
    button: string;
    onSave: (said: Pick<Annotation, "date" | "time" | "text">) => Promise<void>;
    onLeave: () => void;
}

function Editor({ annotation, button, onSave, onLeave }: EditorProps) {
    const sending = useSending(["date", "time", "text"], ({ date = "", time = "", text = "" }) => onSave({ date, time: time === "" ? null : time, text }));
    return (
        <form class="segment-form" onSubmit={sending.submit}>
            <Field label="What happened" name="text" value={annotation.text} autofocus maxLength={ANNOTATION_LENGTH_MAX} error={sending.errorOf("text")} />
            <div class="two">
                <Field label="Day" name="date" type="date" value={annotation.date} error={sending.errorOf("date")} />
                <Field label="Time, if it has one" name="time" type="time" value={annotation.time ?? ""} optional error={sending.errorOf("time")} />
            </div>
            <Foot sending={sending} button={button} onLeave={onLeave} />
        </form>
    );
}
