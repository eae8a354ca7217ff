import { show, view } from "../app/location";
import { toggleFilter } from "../app/state";
import { shortDay } from "../lib/calendar";
import { saveCsv } from "../lib/csv";
import { clock, count, plural, visible } from "../lib/format";
import { askFunnel, DROPPED_MAX, type DroppedVisitor, type FunnelRequest } from "../lib/funnel";
import { Dialog } from "../ui/dialog";
import { Empty, Failure, SkeletonRows } from "../ui/states";
import { useAsked } from "./answer";
import { Waiting } from "./waiting";

interface Props {
    request: FunnelRequest;
    /** Of the step that was not reached; the first one is 0. */
    index: number;
    /** Of a file. */
    file: string;
    onClose: () => void;
}

/** Who reached the step before and not this one, the latest first. */
export function DroppedDialog({ request, index, file, onClose }: Props) {
    const { breakdown: _, limit: __, ...asked } = request;
    const { answer, problem, waiting, progress, retry } = useAsked({ ...asked, dropped_limit: DROPPED_MAX }, askFunnel);
    const step = answer?.steps[index];
    const dropped = step?.dropped ?? [];
    return (
        <Dialog title={`Lost before step ${index + 1}`} wide onClose={onClose}>
            <Waiting progress={progress} />
            {problem && !waiting ? (
                <Failure problem={problem} what="The list" onRetry={retry} />
            ) : !step ? (
                <SkeletonRows rows={5} />
            ) : dropped.length === 0 ? (
                <Empty title="Nobody was lost here">Everybody who reached the step before reached this one too.</Empty>
            ) : (
                <>
                    <p class="quiet" role="status">
                        {wordsOf(dropped.length, request.by)}
                    </p>
                    <div class="scroll" tabIndex={0} role="region" aria-label="Who was lost, as a table">
                        <table class="plain dropped">
                            <thead>
                                <tr>
                                    <th scope="col">Visitor</th>
                                    <th scope="col">Last step at</th>
                                </tr>
                            </thead>
                            <tbody>
                                {dropped.map((one, at) => (
                                    <Row one={one} key={at} />
                                ))}
                            </tbody>
                        </table>
                    </div>
                    <div class="dialog-actions">
                        <button
                            type="button"
                            class="button"
                            onClick={() => saveCsv(file, [["user_id", "last_step_at"], ...dropped.map(({ user_id, at }) => [user_id, at])])}
                        >
                            Download as CSV
                        </button>
                    </div>
                </>
            )}
        </Dialog>
    );
}

function wordsOf(told: number, per: FunnelRequest["by"]): string {
    const who = per === "session" ? "sessions" : "visitors";
    return told < DROPPED_MAX ? `${plural(told, per)}, the latest first.` : `The latest ${count(told)} ${who}.`;
}

function Row({ one: { user_id, at } }: { one: DroppedVisitor }) {
    const name = visible(user_id, "(blank)");
    return (
        <tr>
            <th scope="row">
                <button
                    type="button"
                    class="text-button"
                    title={`Filter the dashboard by ${name}`}
                    onClick={() => show({ page: "board", filters: toggleFilter(view.value.filters, "user_id", user_id) })}
                >
                    <span class="cut">{name}</span>
                </button>
            </th>
            <td>
                <time dateTime={at}>{`${shortDay(at.slice(0, 10))}, ${clock(at)}`}</time>
            </td>
        </tr>
    );
}
