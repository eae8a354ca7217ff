import "../app/app.css";
import "./story.css";

import { type ComponentChildren, render } from "preact";

import type { Reply } from "../app/board";
import type { LiveState } from "../app/live";
import { metricOf, type MetricName } from "../lib/metrics";
import type { Answer, FilterGroup } from "../lib/query";
import { devices } from "../panels/devices/devices";
import { events } from "../panels/events/events";
import { FilterChips } from "../panels/filters/chips";
import { ExactChip } from "../panels/filters/exactchip";
import { Headline } from "../panels/headline/headline";
import { LiveStrip } from "../panels/live/strip";
import { LocationsPanel } from "../panels/locations/locations";
import { pages } from "../panels/pages/pages";
import { type Actions, RankingPanel } from "../panels/ranking/ranking";
import type { Ranking } from "../panels/ranking/spec";
import { SegmentChip } from "../panels/segments/chip";
import { sources } from "../panels/sources/sources";
import { Timeline } from "../panels/timeline/timeline";
import Install from "../views/install";
import LiveView from "../views/live";
import { countries, failed, failedLater, headline, hugeRows, loading, nobody, pageRows, ranking, ready, sampled, snapshot, stale, timeline } from "./data";

/** Every panel in every state, for the tests; it is not part of the product. */

const nothing = () => undefined;
const on: LiveState & { state: "live" } = { state: "live", snapshot, last: undefined };
const off: LiveState & { state: "off" } = { state: "off", snapshot: undefined, last: undefined };
const actions: Actions = { onTab: nothing, onFilter: nothing, onExplain: nothing, onAll: nothing, onDownload: nothing, onRetry: nothing };
const shared = { numbers: loading, domain: "demo.example", filters: [], actions };
const site = { id: "new", name: "New", domain: "new.example", timezone: "UTC" };

function Story({ name, wide = false, children }: { name: string; wide?: boolean; children: ComponentChildren }) {
    return (
        <div class={wide ? "story story-wide" : "story"}>
            <p class="story-name">{name}</p>
            {children}
        </div>
    );
}

const Rank = ({
    name,
    of = pages,
    chosen,
    reply,
    filters = [],
}: {
    name: string;
    of?: Ranking;
    chosen?: string;
    reply: Reply;
    filters?: { dimension: string; operator: "is"; values: string[] }[];
}) => (
    <Story name={name}>
        <RankingPanel ranking={of} chosen={chosen} reply={reply} {...shared} numbers={reply} filters={filters} />
    </Story>
);

const Numbers = ({
    name,
    top,
    chart,
    metric = "visitors",
    everything = false,
}: {
    name: string;
    top: Reply;
    chart: Reply;
    metric?: MetricName;
    everything?: boolean;
}) => (
    <Story name={name} wide>
        <section class="panel numbers" aria-label={name}>
            <Headline reply={top} chosen={metric} against="previous period" isExact={false} onExact={nothing} onChoose={nothing} onRetry={nothing} />
            <Timeline
                reply={chart}
                headline={top}
                metric={metricOf(metric)}
                everything={everything}
                against="previous period"
                granularity="day"
                granularities={["day", "week"]}
                onGranularity={nothing}
                onExplain={nothing}
                onDownload={nothing}
                onRetry={nothing}
            />
        </section>
    </Story>
);

const Places = ({ name, reply, map = reply, chosen }: { name: string; reply: Reply; map?: Reply; chosen?: string }) => (
    <Story name={name} wide>
        <LocationsPanel chosen={chosen} countries={map} reply={reply} {...shared} numbers={map} />
    </Story>
);

const wrongGroup: FilterGroup = {
    group: "or",
    filters: [
        { dimension: "country", operator: "is", values: ["DE"] },
        { group: "not", filters: [{ dimension: "page", operator: "matches", values: ["("] }] },
    ],
};
const page = (rest = {}) => ranking("page", pageRows, ["visitors"], rest);
const empty: Answer = ranking("page", []);
const zero = headline({
    totals: { visitors: 0, sessions: 0, pageviews: 0, views_per_session: null, bounce_rate: null, session_duration: null },
    compare: false,
});

function Stories() {
    return (
        <main>
            <h1>Stories</h1>
            <div class="stories">
                <Numbers name="Numbers: ready" top={ready(headline())} chart={ready(timeline())} />
                <Numbers name="Numbers: loading" top={loading} chart={loading} />
                <Numbers name="Numbers: old ones while new ones come" top={stale(headline())} chart={stale(timeline())} />
                <Numbers name="Numbers: failed" top={failed} chart={failed} />
                <Numbers
                    name="Numbers: nothing in the period"
                    top={ready(zero)}
                    chart={ready({ ...timeline({ scale: 0, compare: false }), totals: zero.totals })}
                />
                <Numbers
                    name="Numbers: a ratio with gaps"
                    metric="bounce_rate"
                    top={ready(headline())}
                    chart={ready(timeline({ holes: [2, 3, 7, 9] }))}
                />
                <Numbers
                    name="Numbers: against a whole period while this one runs"
                    metric="session_duration"
                    top={ready(headline({ otherTo: "2026-11-19T00:00:00+01:00" }))}
                    chart={ready(timeline())}
                />
                <Numbers
                    name="Numbers: sampled, cached"
                    top={ready(sampled(headline({ meta: { cached: true } })))}
                    chart={ready(sampled(timeline({ scale: 100_000 })))}
                />
                <Numbers
                    name="Numbers: older than what is kept"
                    top={ready(headline({ meta: { events_from: "2026-11-14", days_missing: 3 } }))}
                    chart={ready(timeline())}
                />
                <Numbers
                    name="Numbers: a single day"
                    top={ready(headline({ compare: false }))}
                    chart={ready(timeline({ days: 1, compare: false }))}
                />
                <Numbers name="Numbers: a year of days" top={ready(headline())} chart={ready(timeline({ days: 366 }))} />
                <Rank name="Ranking: ready, with hostile and long names" reply={ready(page())} />
                <Rank
                    name="Ranking: filtered by a row"
                    reply={ready(page())}
                    filters={[{ dimension: "page", operator: "is", values: ["/pricing"] }]}
                />
                <Rank name="Ranking: loading" reply={loading} />
                <Rank name="Ranking: old ones while new ones come" reply={stale(page())} />
                <Rank name="Ranking: failed" reply={failed} />
                <Rank name="Ranking: a newer state failed" reply={failedLater(page())} />
                <Rank name="Ranking: empty" reply={ready(empty)} />
                <Rank name="Ranking: empty by a filter" reply={ready(empty)} filters={[{ dimension: "country", operator: "is", values: ["DE"] }]} />
                <Rank name="Ranking: sampled, cached" reply={ready(sampled(page({ cached: true }), 0.05))} />
                <Rank name="Ranking: very large numbers" reply={ready(ranking("page", hugeRows))} />
                <Rank
                    name="Sources: referrers"
                    of={sources}
                    chosen="referrer"
                    reply={ready(
                        ranking("referrer", [
                            ["https://www.google.com/", 40],
                            ["javascript:alert(1)", 20],
                            ["", 9],
                        ]),
                    )}
                />
                <Rank name="Sources: no campaigns" of={sources} chosen="campaign" reply={ready(ranking("campaign", []))} />
                <Rank
                    name="Devices"
                    of={devices}
                    reply={ready(
                        ranking("device_type", [
                            ["desktop", 14_687],
                            ["mobile", 10_869],
                            ["tv", 147],
                        ]),
                    )}
                />
                <Rank
                    name="Events: two columns"
                    of={events}
                    reply={ready(
                        ranking(
                            "event_name",
                            [
                                ["signup", 3_766, 3_138],
                                ["a name of an event that somebody wrote as a whole sentence", 12, 9],
                            ],
                            ["events", "visitors"],
                        ),
                    )}
                />
                <Places name="Locations: ready" reply={ready(ranking("country", countries))} />
                <Places name="Locations: loading" reply={loading} />
                <Places name="Locations: failed" reply={failed} />
                <Places
                    name="Locations: cities"
                    chosen="city"
                    reply={ready(
                        ranking("city", [
                            ["Berlin", 35],
                            ["\u6771\u4eac", 12],
                            ["", 4],
                        ]),
                    )}
                    map={ready(ranking("country", countries))}
                />
                <Story name="Live: connected">
                    <LiveStrip live={on} href="#" />
                </Story>
                <Story name="Live: connecting">
                    <LiveStrip live={{ state: "connecting", snapshot: undefined, last: undefined }} href="#" />
                </Story>
                <Story name="Live: not connected">
                    <LiveStrip live={off} href="#" />
                </Story>
                <Story name="Live view: with hostile and long names" wide>
                    <LiveView site={site} live={on} filtered="The filters of the dashboard are not applied here." onFilter={nothing} />
                </Story>
                <Story name="Live view: nobody" wide>
                    <LiveView site={site} live={{ ...on, snapshot: { ...nobody, sample_rate: 0.0625 } }} filtered="" onFilter={nothing} />
                </Story>
                <Story name="Live view: connecting" wide>
                    <LiveView site={site} live={{ state: "connecting", snapshot: undefined, last: undefined }} filtered="" onFilter={nothing} />
                </Story>
                <Story name="Live view: reconnecting" wide>
                    <LiveView site={site} live={{ ...off, last: { snapshot, receivedAtMs: Date.now() - 83_000 } }} filtered="" onFilter={nothing} />
                </Story>
                <Story name="Live view: no connection yet" wide>
                    <LiveView site={site} live={off} filtered="" onFilter={nothing} />
                </Story>
                <Story name="Filters">
                    <FilterChips
                        filters={[
                            { dimension: "page", operator: "is", values: [pageRows[2]?.[0] as string] },
                            { dimension: "country", operator: "is_not", values: ["DE", "FR"] },
                            { dimension: "event_name", operator: "is_set", values: [] },
                        ]}
                        before={[<ExactChip key="exact" onLeave={nothing} />]}
                        onChange={nothing}
                        onEdit={nothing}
                        onClear={nothing}
                    />
                </Story>
                <Story name="Filters: a group, a segment, and what is wrong" wide>
                    <FilterChips
                        filters={[wrongGroup, { dimension: "property:price", operator: "between", values: ["10", "20"] }]}
                        problem={{ index: 0, path: [1, 0], part: "values", message: "not a valid RE2 pattern: missing ): (" }}
                        before={[<SegmentChip key="segment" name="Readers of the news" problem={undefined} onChoose={nothing} onList={nothing} />]}
                        onChange={nothing}
                        onEdit={nothing}
                        onClear={nothing}
                    />
                </Story>
                <Story name="Install: waiting" wide>
                    <Install site={site} live={on} origin="https://stats.example" />
                </Story>
                <Story name="Install: without a live connection" wide>
                    <Install site={{ ...site, id: '"><b>' }} live={off} origin="http://nas:8080" />
                </Story>
                <Story name="Install: without TLS" wide>
                    <Install site={site} live={on} origin="http://stats.example" />
                </Story>
            </div>
        </main>
    );
}

const root = document.getElementById("app");
if (root) render(<Stories />, root);
