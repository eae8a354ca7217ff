import { useState } from "preact/hooks";

import { plural } from "../lib/format";
import type { Conditions, FilterTree, Query, Totals } from "../lib/query";
import { type FilterBy, RankingTable } from "../panels/ranking/ranking";
import { detailsQuery, listed, nameOfRow, narrowed, type RankingTab, searched } from "../panels/ranking/spec";
import { Dialog } from "../ui/dialog";
import { Empty, Failure, Partial, SkeletonRows } from "../ui/states";
import { useAnswer, useSettled } from "./answer";

const ROWS_MAX = 500;
const TYPING_MS = 250;

interface Props {
    tab: RankingTab;
    base: Query;
    /** The numbers on top, of which the rows are shares: what was not searched for counts too. */
    numbers: Totals | null | undefined;
    domain: string;
    filters: readonly FilterTree[];
    onFilter: FilterBy;
    /** `found`: what the rows have in common that a search left. */
    onDownload: (tab: RankingTab, found: readonly Conditions[]) => void;
    onClose: () => void;
}

/** The whole list of a panel, to search in: here where all its rows came, on the server where there are more. */
export default function Details({ tab, base, numbers, domain, filters, onFilter, onDownload, onClose }: Props) {
    const [typed, setTyped] = useState("");
    const wanted = typed.trim();
    const settled = useSettled(wanted, TYPING_MS);
    const query = detailsQuery(tab, base, ROWS_MAX);
    const list = useAnswer(query);
    const isCut = (list.answer?.rows.length ?? 0) >= ROWS_MAX;
    const found = useAnswer(isCut && settled ? narrowed(query, searched(tab, settled)) : undefined);
    const asksServer = isCut && wanted !== "";
    const isSearching = asksServer && (found.waiting || settled !== wanted);
    const words = wanted.toLowerCase().split(/\s+/);
    const here = list.answer?.rows.filter((row) => {
        const name = nameOfRow(tab, row).toLowerCase();
        return words.every((word) => name.includes(word));
    });
    const isFound = asksServer && !isSearching && found.answer !== undefined;
    const answer = isFound ? found.answer : list.answer;
    const shown = answer && { answer, rows: isFound ? answer.rows : (here ?? []) };
    const problem = list.problem ?? (asksServer && !isSearching ? found.problem : undefined);
    return (
        <Dialog title={tab.label === "Top" ? "Top pages" : tab.label} wide onClose={onClose}>
            <div class="search">
                <input
                    type="search"
                    placeholder="Search"
                    aria-label={`Search in ${tab.label.toLowerCase()}`}
                    value={typed}
                    onInput={(event) => setTyped(event.currentTarget.value)}
                />
                <p class="quiet" role="status">
                    {isSearching ? "Searching\u2026" : shown && !problem ? told(shown.rows.length) : ""}
                </p>
                <button
                    type="button"
                    class="quiet-button"
                    disabled={shown?.rows.length === 0}
                    onClick={() => onDownload(tab, wanted === "" ? [] : isCut ? searched(tab, wanted) : listed(tab, here ?? []))}
                >
                    CSV<span class="visually-hidden">: download the list</span>
                </button>
            </div>
            {problem && <Failure problem={problem} what="The list" onRetry={list.problem ? list.retry : found.retry} />}
            {!shown && !problem && <SkeletonRows rows={9} />}
            {shown && !problem && !isSearching && shown.rows.length === 0 && <Empty title="Nothing matches" />}
            {shown && shown.rows.length > 0 && (
                <div class={isSearching ? "scroll stale" : "scroll"}>
                    <RankingTable
                        tab={{ ...tab, metrics: tab.details }}
                        answer={shown.answer}
                        only={shown.rows}
                        numbers={numbers}
                        domain={domain}
                        filters={filters}
                        rows={ROWS_MAX}
                        onFilter={(...value) => {
                            onFilter(...value);
                            onClose();
                        }}
                    />
                </div>
            )}
            <Partial meta={shown?.answer.meta} />
        </Dialog>
    );
}

function told(rows: number): string {
    return `${plural(rows, "row")}${rows >= ROWS_MAX ? `, the first ${ROWS_MAX}` : ""}`;
}
