import { useEffect, useState } from "preact/hooks";

import { askBatch } from "../lib/api";
import { plural } from "../lib/format";
import { type Answer, type Filter, isProblem, type Problem, type Query } from "../lib/query";
import { RankingTable } from "../panels/ranking/ranking";
import { rankingQuery, type RankingTab } from "../panels/ranking/spec";
import { Dialog } from "../ui/dialog";
import { Empty, Failure, SkeletonRows } from "../ui/states";

const ROWS_MAX = 500;

interface Props {
    tab: RankingTab;
    base: Query;
    domain: string;
    filters: readonly Filter[];
    onFilter: (dimension: string, value: string) => void;
    onClose: () => void;
}

/** The whole list of a panel, to search in. */
export default function Details({ tab, base, domain, filters, onFilter, onClose }: Props) {
    const [answer, setAnswer] = useState<Answer>();
    const [problem, setProblem] = useState<Problem>();
    const [wanted, setWanted] = useState("");
    useEffect(() => {
        const controller = new AbortController();
        askBatch([rankingQuery(tab, base, ROWS_MAX)], controller.signal).then(
            ([given]) => (given && isProblem(given) ? setProblem(given.error) : setAnswer(given)),
            (error: unknown) => controller.signal.aborted || setProblem({ code: "", message: (error as Error).message }),
        );
        return () => controller.abort();
    }, []);
    const matching = answer && {
        ...answer,
        rows: answer.rows.filter((row) =>
            tab
                .nameOf(String(row[0] ?? ""))
                .toLowerCase()
                .includes(wanted.trim().toLowerCase()),
        ),
    };
    return (
        <Dialog title={tab.label === "Top" ? "Top pages" : tab.label} wide onClose={onClose}>
            <div class="search">
                <input
                    type="search"
                    placeholder="Search"
                    aria-label={`Search in ${tab.label.toLowerCase()}`}
                    value={wanted}
                    onInput={(event) => setWanted(event.currentTarget.value)}
                />
                <p class="quiet" role="status">
                    {matching
                        ? `${plural(matching.rows.length, "row")}${answer && answer.rows.length >= ROWS_MAX ? `, the first ${ROWS_MAX}` : ""}`
                        : ""}
                </p>
            </div>
            {problem && <Failure problem={problem} what="The list" onRetry={undefined} />}
            {!answer && !problem && <SkeletonRows rows={9} />}
            {matching && matching.rows.length === 0 && <Empty title="Nothing matches" />}
            {matching && matching.rows.length > 0 && (
                <RankingTable
                    tab={tab}
                    answer={matching}
                    domain={domain}
                    filters={filters}
                    rows={ROWS_MAX}
                    onFilter={(dimension, value) => {
                        onFilter(dimension, value);
                        onClose();
                    }}
                />
            )}
        </Dialog>
    );
}
