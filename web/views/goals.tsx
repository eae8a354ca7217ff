import { useState } from "preact/hooks";

import { show, view as current } from "../app/location";
import { mayEdit } from "../app/session";
import { rangeText, toggleFilter, type View } from "../app/state";
import { getGoals, type Goal, type Site } from "../lib/api";
import { downloadCsv } from "../lib/csv";
import { narrow, plural } from "../lib/format";
import { beginnings, rateText } from "../lib/funnel";
import { isChosen } from "../lib/filter";
import { formOf, type GoalRow, goalRows, GOALS_MAX, goalsQuery } from "../lib/goals";
import { estimated } from "../lib/partial";
import type { Answer, Meta, Query } from "../lib/query";
import { pages } from "../panels/pages/pages";
import { rankingQuery, tabOf, valueOfRow } from "../panels/ranking/spec";
import { NumberCell } from "../ui/estimate";
import { Icon } from "../ui/icons";
import { Menu, type MenuItem } from "../ui/menu";
import { Panel } from "../ui/panel";
import { Empty, Estimate, Failure, SkeletonRows } from "../ui/states";
import { askQuery, useAsked } from "./answer";
import Explain from "./explain";
import { EditGoal, nameOfGoal, RemoveGoal, RenameGoal, textOfGoal } from "./goal";

type Overlay = { kind: "add" | "explain" } | { kind: "rename" | "change" | "remove"; goal: Goal } | undefined;

const ADD_BUTTON = "goal-add";

/** What the site is for: its goals, how many sessions met each, and, for those who may, the goals themselves. */
export default function Goals({ site, view, base }: { site: Site; view: View; base: Query }) {
    const [overlay, open] = useState<Overlay>();
    /** Goals were changed so many times: they and their numbers are asked anew. */
    const [turn, setTurn] = useState(0);
    const [undelivered, setUndelivered] = useState<string>();
    const query = goalsQuery(base);
    const goals = useAsked({ site: site.id, turn }, (asked, signal) => getGoals(asked.site, signal));
    const numbers = useAsked({ query, turn }, (asked, signal) => askQuery(asked.query, signal));
    const close = () => open(undefined);
    const isFull = (goals.answer?.length ?? 0) >= GOALS_MAX;
    function changed(): void {
        close();
        setTurn(turn + 1);
    }
    async function download(): Promise<void> {
        setUndelivered(undefined);
        await downloadCsv(`${site.id} goals ${rangeText(view.range)}`, query).catch((error: Error) => setUndelivered(error.message));
    }
    const failed = (!goals.waiting && goals.problem) || (!numbers.waiting && numbers.problem);
    const rows = goals.answer && numbers.answer ? goalRows(goals.answer, numbers.answer) : undefined;
    return (
        <div class="analysis-rows">
            {undelivered !== undefined && (
                <Failure problem={{ code: "", message: undelivered }} what="The file" onRetry={() => void download()} />
            )}
            <Panel
                title="Goals"
                class="goals-panel"
                stale={rows !== undefined && (goals.waiting || numbers.waiting)}
                menu={[
                    ...(rows && rows.length > 0 ? [{ label: "Download as CSV", run: () => void download() }] : []),
                    { label: "Show query", run: () => open({ kind: "explain" }) },
                ]}
            >
                {failed ? (
                    <Failure
                        problem={failed}
                        what="Goals"
                        onRetry={() => {
                            if (goals.problem) goals.retry();
                            if (numbers.problem) numbers.retry();
                        }}
                    />
                ) : !rows || !numbers.answer ? (
                    <SkeletonRows rows={4} />
                ) : rows.length === 0 ? (
                    <NoGoals mayEdit={mayEdit.value} />
                ) : (
                    <>
                        <p class="quiet" role="status">
                            {finding(numbers.answer)}
                        </p>
                        <GoalTable rows={rows} meta={numbers.answer.meta} view={view} actionsOf={(goal) => actionsOf(goal, base, mayEdit.value, open)} />
                        <Estimate meta={numbers.answer.meta} isExact={view.exact} onExact={(exact) => show({ exact })} />
                    </>
                )}
                {mayEdit.value && goals.answer && (
                    <div class="goals-foot">
                        <button
                            type="button"
                            class={goals.answer.length === 0 ? "button primary" : "button"}
                            id={ADD_BUTTON}
                            aria-haspopup="dialog"
                            aria-disabled={isFull}
                            onClick={() => !isFull && open({ kind: "add" })}
                        >
                            Add a goal
                        </button>
                        {isFull && <p class="hint">A site has at most {GOALS_MAX} goals.</p>}
                    </div>
                )}
            </Panel>
            {overlay?.kind === "explain" && <Explain title="Goals" query={query} onClose={close} />}
            {overlay?.kind === "add" && <EditGoal site={site} base={base} backTo={ADD_BUTTON} onDone={changed} onClose={close} />}
            {overlay?.kind === "change" && (
                <EditGoal site={site} goal={overlay.goal} base={base} backTo={ADD_BUTTON} onDone={changed} onClose={close} />
            )}
            {overlay?.kind === "rename" && (
                <RenameGoal site={site} goal={overlay.goal} backTo={ADD_BUTTON} onDone={changed} onClose={close} />
            )}
            {overlay?.kind === "remove" && (
                <RemoveGoal site={site} goal={overlay.goal} backTo={ADD_BUTTON} onDone={changed} onClose={close} />
            )}
        </div>
    );
}

function NoGoals({ mayEdit }: { mayEdit: boolean }) {
    return (
        <Empty title="This site has no goals">
            {mayEdit
                ? "A goal is a page or an event that the site wants: it counts for all that is stored, also from before."
                : "Goals are declared by an owner, an admin or an editor, and you are a viewer."}
        </Empty>
    );
}

function finding({ totals, meta }: Answer): string {
    const conversions = totals?.["conversions"] ?? 0;
    const isEstimate = meta.sample_rate < 1;
    if (conversions === 0) return `No session ${isEstimate ? "of the sample " : ""}met a goal in this period.`;
    return `${isEstimate ? "About " : ""}${plural(conversions, "session")} met a goal, ${rateText(totals?.["conversion_rate"] ?? null)} of all.`;
}

const filtered = (filters: View["filters"], { name }: Goal) => toggleFilter(filters, "goal", name);

const isFiltered = (filters: View["filters"], { name }: Goal): boolean =>
    isChosen(filters, "goal", name);

/** From the page that most look at to the goal. Where that page is not told, the goal alone is a beginning. */
async function openFunnel({ name }: Goal, base: Query): Promise<void> {
    const tab = tabOf(pages, undefined);
    const top = await askQuery(rankingQuery(tab, base, 1), AbortSignal.timeout(FIRST_PAGE_MS)).catch(() => undefined);
    const [row] = top?.rows ?? [];
    const steps = beginnings([name], [], row && (valueOfRow(tab, row) || undefined))[0] ?? [];
    if (current.peek().page === "goals") show({ page: "funnel", steps });
}

const FIRST_PAGE_MS = 5_000;

function actionsOf(goal: Goal, base: Query, mayEdit: boolean, open: (overlay: Overlay) => void): MenuItem[] {
    const step = { of: "goal", value: goal.name } as const;
    return [
        { label: "Funnel to this goal", run: () => void openFunnel(goal, base) },
        { label: "Paths to this goal", run: () => show({ page: "paths", from: undefined, to: step }) },
        ...(mayEdit
            ? [
                  { label: "Rename", separated: true, run: () => open({ kind: "rename", goal }) },
                  ...(formOf(goal) ? [{ label: "Change", run: () => open({ kind: "change", goal }) }] : []),
                  { label: "Delete", run: () => open({ kind: "remove", goal }) },
              ]
            : []),
    ];
}

interface TableProps {
    rows: readonly GoalRow[];
    meta: Meta;
    view: View;
    actionsOf: (goal: Goal) => MenuItem[];
}

function GoalTable({ rows, meta, view, actionsOf: actions }: TableProps) {
    const most = Math.max(1, ...rows.map(({ conversions }) => conversions));
    const estimate = estimated(meta);
    return (
        <table class={`bar-list goals ${estimate ? "estimates" : ""}`} aria-label={estimate ? `Goals: ${estimate}` : undefined}>
            <thead>
                <tr>
                    <th scope="col">Goal</th>
                    <th scope="col">Conversions</th>
                    <th scope="col" class="goal-visitors">
                        Visitors
                    </th>
                    <th scope="col">Rate</th>
                    <th scope="col" class="goal-menu">
                        <span class="visually-hidden">Actions</span>
                    </th>
                </tr>
            </thead>
            <tbody>
                {rows.map(({ goal, conversions, rate, visitors, sureness }) => {
                    const name = nameOfGoal(goal);
                    const text = textOfGoal(goal);
                    return (
                        <tr key={goal.id}>
                            <th scope="row">
                                {conversions > 0 && <i class="bar" style={{ width: `${(100 * conversions) / most}%` }} />}
                                <span class="bar-name">
                                    <button
                                        type="button"
                                        title={`Filter the dashboard by ${name}`}
                                        aria-pressed={isFiltered(view.filters, goal)}
                                        onClick={() => show({ page: "board", filters: filtered(view.filters, goal) })}
                                    >
                                        {name}
                                    </button>
                                </span>
                                <p class="quiet cut goal-text" title={text}>
                                    {text}
                                </p>
                            </th>
                            <NumberCell unit="count" value={conversions} text={narrow(conversions, most)} meta={meta} sureness={sureness.conversions} />
                            <NumberCell unit="count" value={visitors} text={narrow(visitors, most)} meta={meta} sureness={sureness.visitors} class="goal-visitors" />
                            <NumberCell unit="percent" value={rate} text={rateText(rate)} meta={meta} sureness={sureness.rate} />
                            <td class="goal-menu">
                                <Menu label={`${name}: more`} items={actions(goal)} kind="icon-button" align="end">
                                    <Icon name="more" />
                                </Menu>
                            </td>
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}
