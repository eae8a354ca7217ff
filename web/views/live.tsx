import { useEffect, useState } from "preact/hooks";

import { LISTS, type LiveState, type Snapshot } from "../app/live";
import { MinuteChart } from "../charts/minutes";
import type { Site } from "../lib/api";
import { clockIn } from "../lib/buckets";
import { count, duration, plural } from "../lib/format";
import { estimated } from "../lib/partial";
import { events } from "../panels/events/events";
import { useAnnouncement } from "../panels/live/announce";
import { LiveList } from "../panels/live/list";
import { locations } from "../panels/locations/places";
import { pages } from "../panels/pages/pages";
import { byVisitors, type RankingTab, tabOf } from "../panels/ranking/spec";
import { sources } from "../panels/sources/sources";
import { Icon } from "../ui/icons";

const TABS: Record<(typeof LISTS)[number], { title: string; tab: RankingTab }> = {
    pages: { title: "Pages", tab: { ...tabOf(pages, undefined), empty: "Nobody looks at a page right now" } },
    sources: { title: "Sources", tab: { ...tabOf(sources, undefined), empty: "Nobody has come lately" } },
    countries: { title: "Countries", tab: { ...tabOf(locations, undefined), empty: "Nobody is there right now" } },
    events: { title: "Events", tab: byVisitors("event_name", "Events", tabOf(events, undefined).column, "(no name)", { empty: "No events right now" }) },
};

/** Everything that the socket tells, a second after it happened. */
export default function LiveView({
    site,
    live,
    filtered,
    onFilter,
}: {
    site: Site;
    live: LiveState;
    /** What of the dashboard does not hold here, in words; empty: nothing. */
    filtered: string;
    onFilter: (dimension: string, value: string) => void;
}) {
    const spoken = useAnnouncement(live);
    const snapshot = live.snapshot ?? live.last?.snapshot;
    const old = live.state === "off";
    return (
        <div class={old ? "live-view old" : "live-view"}>
            <p class="visually-hidden" role="status">
                {spoken}
            </p>
            {old && <Age live={live} />}
            {!snapshot && !old && <div class="skeleton tall" role="img" aria-label="Connecting" />}
            {snapshot && (
                <>
                    <section class="panel live-numbers" aria-label={old ? "Not now: before the connection was lost" : "Now"}>
                        <Now snapshot={snapshot} old={old} />
                        <Minutes snapshot={snapshot} clock={clockIn(site.timezone)} />
                    </section>
                    <div class="board">
                        {LISTS.map((name) => (
                            <LiveList
                                key={name}
                                {...TABS[name]}
                                rows={snapshot[name]}
                                active={snapshot.active_visitors}
                                domain={site.domain}
                                onFilter={onFilter}
                            />
                        ))}
                    </div>
                </>
            )}
            {filtered && <p class="quiet small">{filtered}</p>}
        </div>
    );
}

/** How old the numbers are that stand below, counted on. */
function Age({ live }: { live: LiveState & { state: "off" } }) {
    const [, tick] = useState(0);
    useEffect(() => {
        const timer = setInterval(() => tick((turn) => turn + 1), 1_000);
        return () => clearInterval(timer);
    }, []);
    const seconds = live.last && Math.max(0, Math.round((Date.now() - live.last.receivedAtMs) / 1_000));
    return (
        <p class="note reconnecting">
            <span class="live-dot" aria-hidden="true" />
            <span>
                <strong>Reconnecting&hellip;</strong>{" "}
                {seconds === undefined ? "There is no connection to the server yet." : `These numbers are ${duration(seconds)} old.`}
            </span>
        </p>
    );
}

function Now({ snapshot, old }: { snapshot: Snapshot; old: boolean }) {
    const nobody = snapshot.active_visitors === 0;
    return (
        <div class="live-big">
            <p class="live-count">{count(snapshot.active_visitors)}</p>
            <p>
                {snapshot.active_visitors === 1 ? "visitor" : "visitors"} {old ? "then" : "now"}
            </p>
            <p class="quiet small">{nobody && !old ? "The next visit shows within a second." : "Seen in the last 5 minutes"}</p>
            {snapshot.sample_rate < 1 && <p class="quiet small">{estimated(snapshot)}</p>}
        </div>
    );
}

function Minutes({ snapshot: { minutes }, clock }: { snapshot: Snapshot; clock: (ms: number) => string }) {
    const [asTable, setAsTable] = useState(false);
    const bars = minutes.map(({ minute, pageviews, visitors }) => ({ clock: clock(Date.parse(minute)), pageviews, visitors }));
    const sum = bars.reduce((all, { pageviews }) => all + pageviews, 0);
    const best = bars.reduce((found, bar) => (bar.pageviews > found.pageviews ? bar : found), bars[0] ?? { clock: "", pageviews: 0, visitors: 0 });
    return (
        <figure class="live-minutes">
            <div class="timeline-head">
                <figcaption>
                    {sum === 0
                        ? "No pageviews in the last 30 minutes."
                        : `${plural(sum, "pageview")} in the last 30 minutes; most at ${best.clock}, ${count(best.pageviews)}.`}
                </figcaption>
                <button type="button" class="quiet-button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
                    <Icon name="table" size={14} />
                    <span class="tool-text">Show as table</span>
                </button>
            </div>
            <div class="live-minutes-body">
                {asTable ? (
                    <div class="scroll" tabIndex={0} role="region" aria-label="Pageviews and visitors by minute, as a table">
                        <table class="plain">
                            <thead>
                                <tr>
                                    <th scope="col">Minute</th>
                                    <th scope="col">Pageviews</th>
                                    <th scope="col">Visitors</th>
                                </tr>
                            </thead>
                            <tbody>
                                {[...bars].reverse().map((bar, index) => (
                                    <tr key={bar.clock}>
                                        <th scope="row">
                                            {bar.clock}
                                            {index === 0 && " (so far)"}
                                        </th>
                                        <td>{count(bar.pageviews)}</td>
                                        <td>{count(bar.visitors)}</td>
                                    </tr>
                                ))}
                            </tbody>
                        </table>
                    </div>
                ) : (
                    <MinuteChart bars={bars} />
                )}
            </div>
            <p class={asTable ? "legend gone" : "legend"} aria-hidden="true">
                <span>
                    <i class="key-box key-pageviews" />
                    Pageviews
                </span>
                <span>
                    <i class="key-box" />
                    Visitors
                </span>
                <span>
                    <i class="key-box key-pageviews key-dashed" />
                    Not over yet
                </span>
            </p>
        </figure>
    );
}
