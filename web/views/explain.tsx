import { count } from "../lib/format";
import type { OnProgress } from "../lib/progress";
import type { Meta, Query } from "../lib/query";
import { CopyBlock } from "../ui/copy";
import { Dialog } from "../ui/dialog";
import { Facts } from "../ui/facts";
import { Failure } from "../ui/states";
import { askQuery, useAsked } from "./answer";
import { Waiting } from "./waiting";

interface Props<Q extends object> {
    title: string;
    query: Q;
    /** Where it is asked. */
    path?: string;
    ask: (query: Q & { explain: true }, signal: AbortSignal, onProgress: OnProgress) => Promise<{ meta: Meta }>;
    onClose: () => void;
}

/** Where a number comes from: the same question again, with its SQL and what the server says about the answer. */
export function Explain<Q extends object>({ title, query, path = "/api/v1/query", ask, onClose }: Props<Q>) {
    const { answer, problem, progress, retry } = useAsked({ ...query, explain: true as const }, ask);
    return (
        <Dialog title={`Query: ${title}`} wide onClose={onClose}>
            <Waiting progress={progress} />
            {problem && <Failure problem={problem} what="The query" onRetry={retry} />}
            {!answer && !problem && <div class="skeleton tall" aria-label="Loading" role="img" />}
            {answer && <Explanation meta={answer.meta} />}
            <h3>Request</h3>
            <CopyBlock label={`The request, for POST ${path}`} text={JSON.stringify(query, null, 2)} />
        </Dialog>
    );
}

/** Of a question of the query interface. */
export default function ExplainQuery(props: Omit<Props<Query>, "path" | "ask">) {
    return <Explain {...props} ask={askQuery} />;
}

function Explanation({ meta }: { meta: Meta }) {
    const parameters = Object.entries(meta.parameters ?? {});
    const facts: [string, string][] = [
        ["Read from", meta.source],
        ["Rows read", count(meta.rows_read)],
        ...(meta.rows_to_read === undefined ? [] : [["Rows by the plan", count(meta.rows_to_read)] as [string, string]]),
        ["Took", `${meta.took_ms.toFixed(1)} ms`],
        ["As of", meta.as_of],
        ["Sampled", meta.sample_rate < 1 ? `${(100 * meta.sample_rate).toFixed(1)} % of the visitors` : "no"],
        ...(meta.events_from ? [["Events are kept from", meta.events_from] as [string, string]] : []),
        ...(meta.days_missing ? [["Days not counted", `${count(meta.days_missing)}, whose events are gone`] as [string, string]] : []),
        ["Cached", meta.cached ? "yes" : "no"],
        ...(meta.range ? [["Range", `${meta.range.from} to ${meta.range.to}, ${meta.range.timezone}`] as [string, string]] : []),
    ];
    return (
        <>
            <Facts facts={facts} />
            <h3>SQL</h3>
            {meta.sql === null ? (
                <p class="quiet">The server gave no SQL: the answer did not come from the event store.</p>
            ) : (
                <CopyBlock label="The SQL of this query" text={meta.sql} />
            )}
            {parameters.length > 0 && (
                <>
                    <h3>Parameters</h3>
                    <dl class="facts mono">
                        {parameters.map(([name, value]) => (
                            <div key={name}>
                                <dt>{name}</dt>
                                <dd>{value}</dd>
                            </div>
                        ))}
                    </dl>
                </>
            )}
            {meta.plan && meta.plan.length > 0 && (
                <>
                    <h3>Why so</h3>
                    <ul>
                        {meta.plan.map((reason) => (
                            <li key={reason}>{reason}</li>
                        ))}
                    </ul>
                </>
            )}
        </>
    );
}
