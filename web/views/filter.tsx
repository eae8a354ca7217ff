import { useEffect, useState } from "preact/hooks";

import { conditionOf, isGroup, placeIn } from "../lib/filter";
import { type Draft, draftOf, filterOfDraft, isDoing, isDraft, memberAt, pathInDraft, withMember } from "../lib/filtergroup";
import { askBatch } from "../lib/api";
import { type BatchAnswer, type Filter, type FilterTree, isProblem, type Problem, type Query } from "../lib/query";
import { Dialog } from "../ui/dialog";
import { ConditionForm, type Wrong } from "./condition";
import { addId, GroupEditor, type Path, rowId } from "./group";
import { wordsOf } from "./question";

interface Props {
    /** The one to change; undefined makes a new one. */
    filter: FilterTree | undefined;
    /** What the server said of it, with its place among the filters of which it is the only one. */
    problem: Problem | undefined;
    /** The view's, without this filter: only values that it has are suggested. */
    base: Query;
    /** Of what gets the focus afterwards, where nothing else has it. */
    backTo: string;
    onDone: (filter: FilterTree) => void;
    onClose: () => void;
}

/** These the server takes with whatever values. */
const PLAIN = ["is", "is_not", "contains", "contains_not", "is_set", "is_not_set"];

/** Whether the server may have something to say of a filter that the form has not. What is asked together of a doing has to be of one table. */
function isDoubtful(filter: FilterTree): boolean {
    return isGroup(filter) ? filter.group.startsWith("has_") || filter.filters.some(isDoubtful) : !PLAIN.includes(filter.operator);
}

/** What the server says of a filter before the page asks everything by it; of a server that does not answer the page will tell. */
async function judged(filter: FilterTree, site: string): Promise<Problem | undefined> {
    const query: Query = { website_id: site, metrics: ["visitors"], time_range: "today", filters: [conditionOf(filter)], totals: false };
    const [answer] = await askBatch([query]).catch((): BatchAnswer[] => []);
    return answer && isProblem(answer) && answer.error.field?.startsWith("filters") ? answer.error : undefined;
}

/** What is wrong, at the place in the dialog that it is about. */
function placed(filter: FilterTree | undefined, problem: Problem | undefined): (Wrong & { path: Path }) | undefined {
    if (!filter || !problem) return undefined;
    const place = placeIn([filter], problem.field);
    return { path: place ? pathInDraft(filter, place.path) : [], part: place?.part, message: wordsOf(problem) };
}

/** One condition, or a group of them that is edited member by member. */
export default function FilterDialog({ filter, problem, base, backTo, onDone, onClose }: Props) {
    const [draft, setDraft] = useState<Draft | undefined>(filter && isGroup(filter) ? draftOf(filter) : undefined);
    /** The member that is edited. */
    const [editing, edit] = useState<Path>();
    const [wrong, setWrong] = useState(placed(filter, problem));
    const [empty, setEmpty] = useState("");
    const [busy, setBusy] = useState(false);
    const [goal, setGoal] = useState("");
    // Where a form gave place to the group, the focus goes to what it was about.
    useEffect(() => {
        if (goal) document.getElementById(goal)?.focus();
        setGoal("");
    }, [goal]);

    async function finish(made: FilterTree): Promise<void> {
        if (busy) return;
        if (isDoubtful(made)) {
            setBusy(true);
            const refused = await judged(made, base.website_id);
            setBusy(false);
            if (refused) return setWrong(placed(made, refused));
        }
        onDone(made);
    }

    function change(next: Draft): void {
        setDraft(next);
        setWrong(undefined);
        setEmpty("");
    }

    function leave(path: Path, to: Draft): void {
        edit(undefined);
        setGoal(memberAt(to, path) ? rowId(path) : addId(path.slice(0, -1)));
    }

    if (!draft)
        return (
            <Dialog title={filter ? "Edit the filter" : "Add a filter"} backTo={backTo} onClose={onClose}>
                <ConditionForm
                    filter={filter as Filter | undefined}
                    base={base}
                    wrong={wrong}
                    busy={busy}
                    button={filter ? "Change" : "Add"}
                    onDone={(made) => void finish(made)}
                    onCombine={(made) => {
                        change({ mode: "any", members: made ? [made] : [] });
                        setGoal(addId([]));
                    }}
                />
            </Dialog>
        );

    const member = editing && memberAt(draft, editing);
    if (editing)
        return (
            <Dialog title={member ? "Edit the condition" : "Add a condition"} backTo={backTo} onClose={onClose}>
                <ConditionForm
                    key={editing.join()}
                    filter={member && !isDraft(member) ? member : undefined}
                    base={base}
                    wrong={wrong?.path.join() === editing.join() ? wrong : undefined}
                    busy={false}
                    isInDoing={isDoing(draft, editing.slice(0, -1))}
                    button={member ? "Change" : "Add"}
                    onDone={(made) => {
                        const next = withMember(draft, editing, made);
                        change(next);
                        leave(editing, next);
                    }}
                    onBack={() => leave(editing, draft)}
                />
            </Dialog>
        );

    return (
        <Dialog title={filter ? "Edit the filter" : "Add a filter"} backTo={backTo} onClose={onClose}>
            <form
                class="filter-form"
                onSubmit={(event) => {
                    event.preventDefault();
                    const made = filterOfDraft(draft);
                    if (made) return void finish(made);
                    setEmpty("Add at least one condition.");
                    setGoal(addId([]));
                }}
            >
                <GroupEditor draft={draft} wrong={wrong} onChange={change} onEdit={edit} />
                {(empty || (wrong && wrong.path.length === 0)) && (
                    <p class="form-error" role="alert">
                        {empty || wrong?.message}
                    </p>
                )}
                <div class="form-foot">
                    <button type="submit" class="button primary" aria-disabled={busy}>
                        {busy ? "One moment\u2026" : filter ? "Change" : "Add"}
                    </button>
                </div>
            </form>
        </Dialog>
    );
}
