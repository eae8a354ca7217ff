import { useRef } from "preact/hooks";

import type { Reply } from "../../app/board";
import { isChosen } from "../../lib/filter";
import { surenessByRow } from "../../lib/confidence";
import { narrow } from "../../lib/format";
import { brief, unitOf } from "../../lib/metrics";
import { estimated } from "../../lib/partial";
import { type Answer, type Cell, columnOf, type Conditions, type FilterTree, type Totals } from "../../lib/query";
import { NumberCell } from "../../ui/estimate";
import { Icon } from "../../ui/icons";
import { OutLink } from "../../ui/link";
import { Panel } from "../../ui/panel";
import { Empty, Failure, Partial, SkeletonRows } from "../../ui/states";
import { nameOfRow, type Ranking, type RankingTab, ROWS, SHARED, shareOf, tabOf, valueOfRow } from "./spec";

/** Filters by a value, of the value of another dimension where it says nothing alone. */
export type FilterBy = (dimension: string, value: string, within?: readonly [string, string]) => void;

/** What a panel may do to the rest of the page. */
export interface Actions {
    onTab: (panel: string, tab: string) => void;
    onFilter: FilterBy;
    /** The query behind the numbers, with its SQL. */
    onExplain: (title: string, reply: Reply) => void;
    /** The whole list. */
    onAll: (tab: RankingTab) => void;
    /** The same as a file, or those of its rows that meet further conditions. */
    onDownload: (tab: RankingTab, found?: readonly Conditions[]) => void;
    onRetry: () => void;
}

interface Props {
    reply: Reply;
    /** The numbers on top, of which the rows are shares. */
    numbers: Reply;
    domain: string;
    filters: readonly FilterTree[];
    actions: Actions;
}

export function RankingPanel({ ranking, chosen, reply, ...shared }: Props & { ranking: Ranking; chosen: string | undefined }) {
    const tab = tabOf(ranking, chosen);
    return (
        <Panel
            title={ranking.title}
            tabs={ranking.tabs.map(({ dimension, label }) => ({ id: dimension, label }))}
            shown={ranking.shown}
            tab={tab.dimension}
            onTab={(id) => shared.actions.onTab(ranking.id, id)}
            stale={reply.waiting && reply.answer !== undefined}
            menu={panelMenu(`${ranking.title}: ${tab.label.toLowerCase()}`, tab, reply, shared.actions)}
        >
            <RankingBody tab={tab} what={ranking.title} reply={reply} {...shared} />
        </Panel>
    );
}

export function panelMenu(title: string, tab: RankingTab, reply: Reply, actions: Actions) {
    return [
        { label: "Show all", run: () => actions.onAll(tab) },
        { label: "Download as CSV", run: () => actions.onDownload(tab) },
        { label: "Show query", run: () => actions.onExplain(title, reply) },
    ];
}

export function RankingBody({ tab, what, reply, numbers, domain, filters, actions, rows = ROWS }: Props & { tab: RankingTab; what: string; rows?: number }) {
    const { answer, error, waiting } = reply;
    const totals = useTotals(reply, numbers);
    if (error && !answer) return <Failure problem={error} what={what} onRetry={actions.onRetry} />;
    if (!answer) return waiting ? <SkeletonRows rows={rows} /> : null;
    if (answer.rows.length === 0)
        return <Empty title={tab.empty}>{filters.length > 0 || numbers.query?.segment !== undefined ? "A filter is set: without it there may be some." : undefined}</Empty>;
    return (
        <>
            {error && <Failure problem={error} what={`A newer state of ${what.toLowerCase()}`} onRetry={actions.onRetry} />}
            <RankingTable tab={tab} answer={answer} numbers={totals} domain={domain} filters={filters} rows={rows} onFilter={actions.onFilter} />
            <div class="panel-foot">
                <Partial meta={answer.meta} />
                {answer.rows.length > rows && (
                    <button type="button" class="text-button" onClick={() => actions.onAll(tab)}>
                        Show all<span class="visually-hidden"> {tab.label.toLowerCase()}</span>
                    </button>
                )}
            </div>
        </>
    );
}

/** The totals of which the rows of a reply are shares: those of their own view. Numbers and rows may come in either order; until both are
 *  there, old rows keep the old totals and new ones have none. */
function useTotals(reply: Reply, numbers: Reply): Totals | null | undefined {
    const known = useRef<Reply | undefined>(undefined);
    if (numbers.answer && numbers.about === reply.about) known.current = numbers;
    return known.current?.about === reply.about ? known.current.answer?.totals : undefined;
}

interface TableProps {
    tab: RankingTab;
    answer: Pick<Answer, "columns" | "rows"> & Partial<Pick<Answer, "meta">>;
    /** Some of its rows, where not all are shown. */
    only?: readonly Cell[][] | undefined;
    /** The numbers on top. */
    numbers: Totals | null | undefined;
    domain: string;
    filters: readonly FilterTree[];
    rows: number;
    onFilter: FilterBy;
}

/** A bar list: a table whose rows have their share of the largest as background. */
export function RankingTable({ tab, answer, only = answer.rows, numbers, domain, filters, rows, onFilter }: TableProps) {
    const { meta } = answer;
    const estimate = meta && estimated(meta);
    const sureness = meta && tab.metrics.map(({ name }) => surenessByRow(meta, answer, name));
    const columns = tab.metrics.map(({ name }) => columnOf(answer, name));
    const number = (row: Answer["rows"][number], column: number | undefined) => Number(row[column ?? -1] ?? 0);
    const largest = columns.map((column) => Math.max(1, ...only.map((row) => number(row, column))));
    const most = largest[0] ?? 1;
    const shared = columnOf(answer, SHARED);
    const all = numbers?.[SHARED] ?? 0;
    const has = (dimension: string, value: string) => isChosen(filters, dimension, value);
    return (
        <table
            class={`bar-list ${columns.length > 2 ? "many" : ""} ${estimate ? "estimates" : ""}`}
            aria-label={estimate ? `${tab.column}: ${estimate}` : undefined}
        >
            <thead>
                <tr>
                    <th scope="col">{tab.column}</th>
                    {tab.metrics.map(({ label }) => (
                        <th scope="col" key={label}>
                            {label}
                        </th>
                    ))}
                    <th scope="col" class="share">
                        <abbr title="Share of all visitors">%</abbr>
                    </th>
                </tr>
            </thead>
            <tbody>
                {only.slice(0, rows).map((row) => {
                    const value = valueOfRow(tab, row);
                    const name = nameOfRow(tab, row);
                    const within = tab.within === undefined ? undefined : ([tab.within, String(row[0] ?? "")] as const);
                    const isOn = has(tab.dimension, value) && (!within || has(...within));
                    const link = tab.linkOf?.(value, domain);
                    return (
                        <tr key={within ? `${within[1]}~${value}` : value}>
                            <th scope="row">
                                <i class="bar" style={{ width: `${(100 * number(row, columns[0])) / most}%` }} />
                                <span class="bar-name">
                                    <button type="button" title={name} aria-pressed={isOn} onClick={() => onFilter(tab.dimension, value, within)}>
                                        {name}
                                    </button>
                                    {link && (
                                        <OutLink href={link} label={`Open ${name} in a new tab`}>
                                            <Icon name="out" size={13} />
                                        </OutLink>
                                    )}
                                </span>
                            </th>
                            {columns.map((column, index) => {
                                const unit = unitOf(tab.metrics[index]?.name);
                                const cell = (row[column] ?? null) as number | null;
                                const text = unit === "count" ? narrow(cell ?? 0, largest[index] ?? 1) : brief(unit, cell);
                                const sure = sureness?.[index]?.(answer.rows.indexOf(row));
                                return <NumberCell key={column} unit={unit} value={cell} text={text} meta={meta} sureness={sure} />;
                            })}
                            <td class="share">{shareOf(number(row, shared), all)}</td>
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}
