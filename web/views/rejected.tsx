import { useEffect, useState } from "preact/hooks";

import { sitePath } from "../app/location";
import { mayAdd } from "../app/shell";
import type { Session, Site } from "../lib/api";
import { count } from "../lib/format";
import type { Problem } from "../lib/query";
import { advice, getRejected, laidOut, moment, type RejectedList, type RejectedSample } from "../lib/rejected";
import { Link } from "../ui/link";
import { Empty, Failure, SkeletonRows } from "../ui/states";

/** Events that were not taken: how many and why, what to do, and samples of them. */
export default function Rejected({ session, site }: { session: Session; site: Site }) {
    return (
        <div class="rejected stack">
            <div>
                <p>
                    <Link href={sitePath(site.id)}>Back to {site.name}</Link>
                </p>
                <h1>Rejected events</h1>
                <p class="quiet">
                    What was sent in the last 30 days and could not be counted. The numbers are of all of it; of each reason some samples a minute are
                    kept. After a fix, <code>footfall rejected replay</code> on the server sends the samples again.
                </p>
            </div>
            <Part title={`Sent for ${site.name}`} siteId={site.id} empty={`Every event for ${site.domain} was taken.`} />
            {mayAdd(session) && <Part title="Sent for no known site" siteId={undefined} empty="Every event named a site that there is." />}
        </div>
    );
}

function Part({ title, siteId, empty }: { title: string; siteId: string | undefined; empty: string }) {
    const [list, setList] = useState<RejectedList>();
    const [problem, setProblem] = useState<Problem>();
    const [attempt, setAttempt] = useState(0);
    const [reason, setReason] = useState("");
    const [samples, setSamples] = useState<RejectedSample[]>([]);
    /** From which sample on the list is loaded further; the first page without. */
    const [from, setFrom] = useState<number>();
    const id = siteId === undefined ? "rejected-of-none" : "rejected-of-site";

    useEffect(() => {
        const ended = new AbortController();
        setProblem(undefined);
        getRejected(siteId, { reason, ...(from === undefined ? {} : { before: from }), signal: ended.signal }).then(
            (next) => {
                // The reasons are chosen from, so they stay all of them.
                setList((old) => (reason && old ? { ...next, reasons: old.reasons } : next));
                setSamples((old) => (from === undefined ? next.samples : [...old, ...next.samples]));
            },
            (error: unknown) => {
                if (!ended.signal.aborted) setProblem({ code: "", message: error instanceof Error ? error.message : String(error) });
            },
        );
        return () => ended.abort();
    }, [siteId, reason, from, attempt]);

    const choose = (next: string): void => {
        setFrom(undefined);
        setReason(next === reason ? "" : next);
    };
    return (
        <section class="card" aria-labelledby={id}>
            <h2 id={id}>{title}</h2>
            {problem && <Failure problem={problem} what="This list" onRetry={() => setAttempt(attempt + 1)} />}
            {!list && !problem && <SkeletonRows rows={4} />}
            {list && list.reasons.length === 0 && <Empty title="Nothing was rejected">{empty}</Empty>}
            {list && list.reasons.length > 0 && (
                <>
                    <ul class="rejected-reasons">
                        {list.reasons.map((one) => (
                            <li key={one.reason}>
                                <p>
                                    <button type="button" class="button" aria-pressed={one.reason === reason} onClick={() => choose(one.reason)}>
                                        {one.reason}
                                    </button>{" "}
                                    <strong>{count(one.count)}</strong> <span class="quiet">last {moment(one.last_at)}</span>
                                </p>
                                <p>{advice(one.reason)}</p>
                            </li>
                        ))}
                    </ul>
                    <h3>{reason ? `Samples: ${reason}` : "Samples, newest first"}</h3>
                    {samples.length === 0 && <p class="quiet">None is kept of these.</p>}
                    <ol class="rejected-samples">
                        {samples.map((sample) => (
                            <Sample key={sample.offset} sample={sample} />
                        ))}
                    </ol>
                    {list.before !== null && (
                        <button type="button" class="button" onClick={() => setFrom(list.before ?? undefined)}>
                            Show older ones
                        </button>
                    )}
                </>
            )}
        </section>
    );
}

function Sample({ sample }: { sample: RejectedSample }) {
    const field = sample.field || "the event as a whole";
    return (
        <li>
            <details>
                <summary>
                    <span>{moment(sample.received_at)}</span> <code>{field}</code> {sample.reason}
                </summary>
                <dl class="facts">
                    <div>
                        <dt>Sent for</dt>
                        <dd>
                            <bdi>{sample.tracking_id || "nothing that could be read"}</bdi>
                        </dd>
                    </div>
                    <div>
                        <dt>By</dt>
                        <dd>
                            <bdi>{sample.user_agent || "no user agent"}</bdi>
                            {sample.has_key && ", with a key"}
                        </dd>
                    </div>
                </dl>
                {sample.is_cut && <p class="quiet">Only the beginning was kept, so it is not sent again.</p>}
                <pre tabIndex={0} role="region" aria-label={`Event of ${moment(sample.received_at)}`}>
                    <code>{laidOut(sample)}</code>
                </pre>
            </details>
        </li>
    );
}
