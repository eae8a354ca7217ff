import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { Annotations } from "../app/annotations";
import { Board, type Reply } from "../app/board";
import { pageKey } from "../app/keys";
import { follow } from "../app/live";
import { dropped, path, show, view } from "../app/location";
import { chartOf, numbersOf, partOf, pastOf, pastQuery, questionsOf } from "../app/questions";
import { refusal } from "../app/refusal";
import { Segments } from "../app/segments";
import { ended, mayEdit, verify } from "../app/session";
import {
    againstOf,
    baseQuery,
    COMPARES,
    type Days,
    daysOf,
    DEFAULT_VIEW,
    granularityOf,
    isOpen,
    possibleGranularities,
    RANGES,
    rangeText,
    stepped,
    toggleFilter,
    type View,
    viewSearch,
} from "../app/state";
import { ApiError, askBatch, type Site } from "../lib/api";
import { addDays, dayIn, dayRange, daysBetween } from "../lib/calendar";
import { daysIn } from "../lib/buckets";
import { isOfFilters, placeIn } from "../lib/filter";
import { plural, sentence } from "../lib/format";
import { metricOf } from "../lib/metrics";
import type { Problem, Query } from "../lib/query";
import { watch } from "../lib/watch";
import { devices } from "../panels/devices/devices";
import { events } from "../panels/events/events";
import { FilterChips } from "../panels/filters/chips";
import { ExactChip } from "../panels/filters/exactchip";
import { Headline } from "../panels/headline/headline";
import { LiveStrip } from "../panels/live/strip";
import { LocationsPanel } from "../panels/locations/locations";
import { locations } from "../panels/locations/places";
import { pages } from "../panels/pages/pages";
import { type Actions, RankingPanel } from "../panels/ranking/ranking";
import { detailsQuery, narrowed, type RankingTab } from "../panels/ranking/spec";
import { SegmentChip, SegmentProblem } from "../panels/segments/chip";
import { SegmentMenu } from "../panels/segments/menu";
import { nameOfSegment } from "../panels/segments/names";
import { sources } from "../panels/sources/sources";
import { ANNOTATIONS_BUTTON, Timeline } from "../panels/timeline/timeline";
import { Icon } from "../ui/icons";
import { lazy } from "../ui/lazy";
import { Link } from "../ui/link";
import { Menu } from "../ui/menu";
import { Empty, Failure, wordsOf } from "../ui/states";

const Install = lazy(() => import("./install"));
const Explain = lazy(() => import("./explain"));
const Details = lazy(() => import("./details"));
const LiveView = lazy(() => import("./live"));
const Funnels = lazy(() => import("./funnels"));
const Retention = lazy(() => import("./retention"));
const Paths = lazy(() => import("./paths"));
const Goals = lazy(() => import("./goals"));
const FilterDialog = lazy(() => import("./filter"));
const AnnotationsDialog = lazy(() => import("./annotations"));
const SegmentsDialog = lazy(() => import("./segments"));
const Keys = lazy(() => import("./keys"));
const Dates = lazy(() => import("./dates"));

/** How often an open range is asked again, without a sign of it. */
const REFRESH_MS = 30_000;
/** While a new site waits for its first event. */
const WAITING_REFRESH_MS = 4_000;

/** The server's limit on rows. */
const CSV_ROWS_MAX = 10_000;

const FILTER_BUTTON = "filter-button";

type Overlay =
    | { kind: "explain"; title: string; query: Query }
    | { kind: "details"; tab: RankingTab }
    | { kind: "dates" | "compare" | "keys" }
    | { kind: "filter"; index: number | undefined }
    | { kind: "segments"; mode: "save" | "list" }
    | { kind: "annotations"; days: Days | undefined }
    | undefined;

export default function Dashboard({ site }: { site: Site }) {
    const board = useMemo(() => new Board(askBatch, () => ended(true), partOf), []);
    const live = useMemo(() => follow(site.id, { onDoubt: () => void verify() }), []);
    const segments = useMemo(() => new Segments(site.id), []);
    /** Goes up where something that a question names by its name has changed. */
    const revision = useSignal(0);
    const overlay = useSignal<Overlay>(undefined);
    /** A file that did not come. */
    const undelivered = useSignal<{ message: string; again: () => void } | undefined>(undefined);
    const today = useSignal(dayIn(site.timezone, Date.now()));
    useEffect(() => () => live.close(), []);
    useEffect(() => void segments.load(), []);

    const annotations = useMemo(() => new Annotations(site.id), []);
    const period = useComputed(() => daysOf(view.value.range, today.value));
    const noted = useComputed(() => view.value.page === "board" && JSON.stringify(period.value ?? "all"));
    useSignalEffect(() => {
        if (noted.value) void annotations.show(period.peek());
    });

    // Nothing in an unfiltered view may mean that nothing is installed: then the site's whole past is asked.
    const isEmpty = useComputed(() => {
        const totals = board.reply(numbersOf(view.value)).value.answer?.totals;
        return view.value.filters.length === 0 && view.value.segment === undefined && totals?.["pageviews"] === 0 && totals["visitors"] === 0;
    });
    const isNew = useComputed(() => isEmpty.value && board.reply("past").value.answer?.totals?.["events"] === 0);

    const past = useComputed(() => pastOf(board.reply("past").value.answer, today.value));

    useSignalEffect(() => {
        // The other views ask for themselves; what the dashboard had is there again afterwards.
        if (view.value.page !== "board") return;
        const questions = questionsOf(site.id, view.value, today.value, past.value);
        board.show(isEmpty.value ? { ...questions, past: pastQuery(site.id) } : questions, about());
    });

    useSignalEffect(() => {
        const waiting = isNew.value;
        return watch(
            () => {
                if (view.peek().page === "live") return;
                today.value = dayIn(site.timezone, Date.now());
                // A funnel reads every event of its range: it is asked again where the question changes.
                if (view.peek().page === "board" && (waiting || isOpen(view.peek(), today.peek()))) board.refresh();
            },
            waiting ? WAITING_REFRESH_MS : REFRESH_MS,
        );
    });

    // The first event is told by the socket before the next look.
    const hasLife = useComputed(() => live.value.value.snapshot?.minutes.some((minute) => minute.events + minute.pageviews > 0) ?? false);
    useSignalEffect(() => {
        if (isNew.value && hasLife.value) board.refresh();
    });

    useEffect(() => {
        const onKey = (event: KeyboardEvent) => {
            const key = view.peek().keys === "on" ? pageKey(event) : undefined;
            if (key === undefined || (isNew.peek() && view.peek().page === "board")) return;
            const run = keyActions(view.peek(), today.peek(), (kind) => (overlay.value = kind))[key];
            if (!run) return;
            event.preventDefault();
            run();
        };
        document.addEventListener("keydown", onKey);
        return () => document.removeEventListener("keydown", onKey);
    }, []);

    const now = view.value;
    const against = againstOf(now);
    const actions: Actions = {
        onTab: (panel, tab) => show({ tabs: { ...now.tabs, [panel]: tab } }, { replace: true }),
        onFilter: (dimension, value, within) => show({ filters: toggleFilter(view.peek().filters, dimension, value, within) }),
        onExplain: (title, { query }) => {
            if (query) overlay.value = { kind: "explain", title, query };
        },
        onAll: (tab) => (overlay.value = { kind: "details", tab }),
        onDownload: (tab, found = []) => download(tab.dimension, narrowed(detailsQuery(tab, base(), CSV_ROWS_MAX), found)),
        onRetry: () => board.retry(),
    };
    const choose = (segment: string | undefined) => show({ segment });
    const countExactly = (exact: boolean) => show({ exact });
    function base(filters = view.peek().filters): Query {
        return { metrics: [], ...baseQuery(site.id, { ...view.peek(), filters }, today.peek()) };
    }
    /** What every answer of the view is about, whatever it counts and compares. */
    function about(): string {
        return JSON.stringify(base());
    }
    async function download(name: string, query: Query): Promise<void> {
        undelivered.value = undefined;
        try {
            const { downloadCsv } = await import("../lib/csv");
            await downloadCsv(`${site.id} ${name} ${rangeText(view.peek().range)}`, query);
        } catch (error) {
            if (error instanceof ApiError && error.status === 401) ended(true);
            close();
            undelivered.value = { message: error instanceof Error ? error.message : String(error), again: () => void download(name, query) };
        }
    }
    const reply = (key: string): Reply => board.reply(key).value;
    const close = () => (overlay.value = undefined);
    const numbers = reply(numbersOf(now));
    const shared = { numbers, domain: site.domain, filters: now.filters, actions };
    const open = overlay.value;
    const isBoard = now.page === "board";
    const refused = isBoard ? numbers.error : refusal.value;
    const place = placeIn(now.filters, refused?.field);
    const segmentProblem = refused?.field === "segment" && now.segment !== undefined ? refused : undefined;
    /** A site without an event has nothing to choose from. */
    const isWaiting = isBoard && isNew.value;

    if (now.page === "live")
        return (
            <>
                <Dropped />
                <h1 class="visually-hidden">{`Live: ${site.name}`}</h1>
                <div class="toolbar">
                    <Link class="back" href={path.value + viewSearch({ ...now, page: "board" })}>
                        <Icon name="back" />
                        Dashboard
                    </Link>
                </div>
                <LiveView
                    site={site}
                    live={live.value.value}
                    filtered={unappliedIn(now)}
                    onFilter={(dimension, value) =>
                        show({ page: "board", range: "today", granularity: undefined, segment: undefined, filters: [{ dimension, operator: "is", values: [value] }] })
                    }
                />
            </>
        );

    return (
        <>
            <h1 class="visually-hidden">{isBoard ? site.name : `${sentence(now.page)}: ${site.name}`}</h1>
            <p class="visually-hidden" role="status">
                {`Showing ${rangeLabel(now.range).toLowerCase()}${now.filters.length > 0 ? `, ${plural(now.filters.length, "filter")}` : ""}${now.segment === undefined ? "" : `, segment ${nameOfSegment(now.segment)}`}`}
            </p>
            <div class="bar-top">
                <div class="toolbar">
                    <LiveStrip live={live.value.value} href={path.value + viewSearch({ ...now, page: "live" })} />
                    {!isWaiting && (
                        <div class="ranges">
                            <button
                                type="button"
                                id={FILTER_BUTTON}
                                class="button quiet-border"
                                aria-haspopup="dialog"
                                onClick={() => (overlay.value = { kind: "filter", index: undefined })}
                            >
                                <Icon name="filter" />
                                <span class="tool-text">Filter</span>
                            </button>
                            <SegmentMenu
                                segments={segments}
                                chosen={now.segment}
                                maySave={mayEdit.value && now.filters.length > 0}
                                mayEdit={mayEdit.value}
                                onChoose={choose}
                                onSave={() => (overlay.value = { kind: "segments", mode: "save" })}
                                onList={() => (overlay.value = { kind: "segments", mode: "list" })}
                            />
                            {isBoard && <CompareMenu view={now} onCustom={() => (overlay.value = { kind: "compare" })} />}
                            <div class="stepper">
                                {now.range !== "all" && <Step by={-1} range={now.range} today={today.value} />}
                                <RangeMenu view={now} onCustom={() => (overlay.value = { kind: "dates" })} />
                                {now.range !== "all" && <Step by={1} range={now.range} today={today.value} />}
                            </div>
                        </div>
                    )}
                </div>
                <FilterChips
                    filters={now.filters}
                    problem={place && { ...place, message: wordsOf(refused) }}
                    before={[
                        ...(now.exact ? [<ExactChip key="exact" onLeave={() => countExactly(false)} />] : []),
                        ...(now.segment === undefined
                            ? []
                            : [
                                  <SegmentChip
                                      key="segment"
                                      name={now.segment}
                                      problem={segmentProblem}
                                      onChoose={choose}
                                      onList={() => (overlay.value = { kind: "segments", mode: "list" })}
                                  />,
                              ]),
                    ]}
                    onChange={(filters) => show({ filters })}
                    onEdit={(index) => (overlay.value = { kind: "filter", index })}
                    onClear={() => show({ filters: [], segment: undefined, exact: false })}
                />
                {segmentProblem && <SegmentProblem problem={segmentProblem} onChoose={choose} />}
            </div>
            <Dropped />
            {undelivered.value && (
                <Failure problem={{ code: "", message: undelivered.value.message }} what="The file" onRetry={undelivered.value.again} />
            )}
            {now.page === "funnel" ? (
                <Funnels key={revision.value} site={site} view={now} base={base()} />
            ) : now.page === "retention" ? (
                <Retention key={revision.value} site={site} view={now} base={base()} />
            ) : now.page === "paths" ? (
                <Paths key={revision.value} site={site} view={now} base={base()} />
            ) : now.page === "goals" ? (
                <Goals key={revision.value} site={site} view={now} base={base()} />
            ) : isWaiting ? (
                <Install site={site} live={live.value.value} />
            ) : isOfFilters(refused) && !numbers.answer ? (
                <section class="panel" aria-label="Headline">
                    <Empty title="Nothing could be counted">{place || segmentProblem ? `What is wrong is marked at the ${place ? "filter" : "segment"} above.` : wordsOf(refused)}</Empty>
                </section>
            ) : (
                <div class="board">
                    <section class="panel numbers" aria-label="Headline">
                        <Headline
                            reply={numbers}
                            chosen={now.metric}
                            against={against}
                            isExact={now.exact}
                            onExact={countExactly}
                            onChoose={(metric) => show({ metric }, { replace: true })}
                            onRetry={actions.onRetry}
                        />
                        <Timeline
                            notes={{
                                annotations,
                                timezone: site.timezone,
                                mayEdit: mayEdit.value,
                                onOpen: (between) => (overlay.value = { kind: "annotations", days: between && daysIn(granularityOf(now, past.value), between, site.timezone) }),
                            }}
                            reply={reply(chartOf(now, past.value))}
                            headline={numbers}
                            metric={metricOf(now.metric)}
                            everything={now.range === "all"}
                            against={against}
                            granularity={granularityOf(now, past.value)}
                            granularities={possibleGranularities(now.range, past.value)}
                            onGranularity={(granularity) => show({ granularity }, { replace: true })}
                            onExplain={actions.onExplain}
                            onDownload={({ query }) => query && void download("chart", query)}
                            onRetry={actions.onRetry}
                        />
                    </section>
                    <RankingPanel ranking={pages} chosen={now.tabs[pages.id]} reply={reply(pages.id)} {...shared} />
                    <RankingPanel ranking={sources} chosen={now.tabs[sources.id]} reply={reply(sources.id)} {...shared} />
                    <LocationsPanel
                        chosen={now.tabs[locations.id]}
                        countries={reply("countries")}
                        reply={reply((now.tabs[locations.id] ?? "country") === "country" ? "countries" : "locations")}
                        {...shared}
                    />
                    <RankingPanel ranking={devices} chosen={now.tabs[devices.id]} reply={reply(devices.id)} {...shared} />
                    <RankingPanel ranking={events} chosen={now.tabs[events.id]} reply={reply(events.id)} {...shared} />
                </div>
            )}
            {!isWaiting && (
                <p class="keys-note">
                    <button type="button" class="text-button" aria-haspopup="dialog" onClick={() => (overlay.value = { kind: "keys" })}>
                        Keyboard shortcuts {now.keys === "on" && <kbd aria-hidden="true">?</kbd>}
                    </button>
                </p>
            )}
            {open?.kind === "explain" && <Explain title={open.title} query={open.query} onClose={close} />}
            {open?.kind === "details" && (
                <Details
                    tab={open.tab}
                    base={base()}
                    numbers={numbers.about === about() ? numbers.answer?.totals : undefined}
                    domain={site.domain}
                    filters={now.filters}
                    onFilter={actions.onFilter}
                    onDownload={actions.onDownload}
                    onClose={close}
                />
            )}
            {open?.kind === "filter" && (
                <FilterDialog
                    filter={open.index === undefined ? undefined : now.filters[open.index]}
                    problem={place && place.index === open.index ? refused && alone(refused) : undefined}
                    base={base(now.filters.filter((_, index) => index !== open.index))}
                    backTo={FILTER_BUTTON}
                    onDone={(filter) => {
                        close();
                        show({ filters: open.index === undefined ? [...now.filters, filter] : now.filters.map((old, index) => (index === open.index ? filter : old)) });
                    }}
                    onClose={close}
                />
            )}
            {open?.kind === "annotations" && (
                <AnnotationsDialog
                    annotations={annotations}
                    days={open.days}
                    period={period.value}
                    today={today.value}
                    mayEdit={mayEdit.value}
                    backTo={ANNOTATIONS_BUTTON}
                    onClose={close}
                />
            )}
            {open?.kind === "segments" && (
                <SegmentsDialog
                    segments={segments}
                    mode={open.mode}
                    mayEdit={mayEdit.value}
                    backTo={FILTER_BUTTON}
                    onChanged={() => {
                        revision.value += 1;
                        board.refresh();
                    }}
                    onClose={close}
                />
            )}
            {open?.kind === "keys" && <Keys onClose={close} />}
            {open?.kind === "compare" && (
                <Dates
                    title="Compare with the days"
                    days={comparedDays(now, today.value)}
                    today={today.value}
                    onChoose={(compare) => {
                        close();
                        show({ compare });
                    }}
                    onClose={close}
                />
            )}
            {open?.kind === "dates" && (
                <Dates
                    title="Choose the days"
                    days={daysUntil(now.range, today.value)}
                    today={today.value}
                    onChoose={(range) => {
                        close();
                        show({ range });
                    }}
                    onClose={close}
                />
            )}
        </>
    );
}

/** What the live view leaves out. */
function unappliedIn({ filters, segment }: View): string {
    if (segment !== undefined) return `The segment${filters.length > 0 ? " and the filters" : ""} of the dashboard ${filters.length > 0 ? "are" : "is"} not applied here.`;
    return filters.length > 0 ? "The filters of the dashboard are not applied here." : "";
}

/** What is said of one filter among others, as if there were no others. */
function alone(problem: Problem): Problem {
    return { ...problem, field: (problem.field ?? "").replace(/^filters\[\d+\]/, "filters[0]") };
}

/** More of them, or of one, nobody reads. */
const DROPPED_MAX = 3;
const DROPPED_LENGTH_MAX = 80;

/** What the address said and the dashboard did not understand. */
function Dropped() {
    const all = dropped.value;
    const named = all.slice(0, DROPPED_MAX).map((text) => (text.length > DROPPED_LENGTH_MAX ? `${text.slice(0, DROPPED_LENGTH_MAX)}\u2026` : text));
    const more = all.length - named.length;
    // It is there before it says something, so that it is read out.
    return (
        <div role="status">
            {all.length > 0 && (
                <div class="note dropped">
                    <p>
                        The address had something that is not known here, and it was left out:{" "}
                        {named.map((text, index) => (
                            <span key={index}>
                                {index > 0 && ", "}
                                <code>{text}</code>
                            </span>
                        ))}
                        {more > 0 && ` and ${more} more`}
                    </p>
                    <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => (dropped.value = [])}>
                        <Icon name="close" />
                    </button>
                </div>
            )}
        </div>
    );
}

/** What a key does, where it does something. */
function keyActions(current: View, today: string, open: (overlay: Overlay) => void): Partial<Record<string, () => void>> {
    const step = (by: -1 | 1) => {
        const range = stepped(current.range, today, by);
        return range && (() => show({ range }));
    };
    const toLive = () => show({ page: current.page === "live" ? "board" : "live" });
    if (current.page === "live") return { R: toLive };
    return {
        ...Object.fromEntries(RANGES.map(({ key, name }) => [key, () => show({ range: name, granularity: undefined })])),
        C: () => open({ kind: "dates" }),
        F: () => open({ kind: "filter", index: undefined }),
        R: toLive,
        ...(current.page === "board" ? { X: () => show({ compare: current.compare === "none" ? DEFAULT_VIEW.compare : "none" }) } : {}),
        "?": () => open({ kind: "keys" }),
        "\u2190": step(-1),
        "\u2192": step(1),
    };
}

/** One period earlier or later. It stays in its place where there is none, so that the focus does too. */
function Step({ by, range, today }: { by: -1 | 1; range: View["range"]; today: string }) {
    const to = stepped(range, today, by);
    return (
        <button
            type="button"
            class="icon-button step"
            aria-label={`${by < 0 ? "Earlier" : "Later"} period${to ? `: ${rangeLabel(to)}` : ""}`}
            title={to && rangeLabel(to)}
            aria-disabled={!to}
            onClick={() => to && show({ range: to })}
        >
            <Icon name={by < 0 ? "left" : "right"} />
        </button>
    );
}

/** What the dialog of days begins with: none of them is still to come. */
function daysUntil(range: View["range"], today: string): Days {
    const { from, to } = daysOf(range, today) ?? (daysOf("30d", today) as Days);
    return { from, to: to < today ? to : today };
}

/** What the dialog of the other period begins with: the one that is shown, or the one before. */
function comparedDays(current: View, today: string): Days {
    if (typeof current.compare === "object") return current.compare;
    const { from, to } = daysUntil(current.range, today);
    const length = daysBetween(from, to) + 1;
    return { from: addDays(from, -length), to: addDays(from, -1) };
}

function rangeLabel(range: View["range"]): string {
    return typeof range === "string" ? (RANGES.find(({ name }) => name === range)?.label ?? "") : dayRange(range.from, range.to);
}

function RangeMenu({ view: current, onCustom }: { view: View; onCustom: () => void }) {
    const { range } = current;
    const label = rangeLabel(range);
    return (
        <Menu
            label={`Period: ${label}`}
            kind="button"
            align="end"
            items={[
                ...RANGES.map(({ name, label: text, key }) => ({
                    label: text,
                    checked: range === name,
                    key: current.keys === "on" ? key : undefined,
                    run: () => show({ range: name, granularity: undefined }),
                })),
                {
                    label: "Choose the days\u2026",
                    checked: typeof range !== "string",
                    separated: true,
                    key: current.keys === "on" ? "C" : undefined,
                    run: onCustom,
                },
            ]}
        >
            <Icon name="calendar" />
            <span class="range-label">{label}</span>
            <Icon name="down" size={14} />
        </Menu>
    );
}

function CompareMenu({ view: { compare, range, weekdays }, onCustom }: { view: View; onCustom: () => void }) {
    if (range === "all") return null;
    const isCustom = typeof compare === "object";
    const matches = weekdays === "match" && !isCustom && compare !== "none";
    const named = isCustom ? dayRange(compare.from, compare.to) : (COMPARES.find(({ name }) => name === compare)?.label ?? "");
    const label = compare === "none" ? named : `vs. ${isCustom ? named : named.toLowerCase()}${matches ? ", weekdays" : ""}`;
    return (
        <Menu
            label={compare === "none" ? label : `Comparison: ${label}`}
            kind="button quiet-border"
            align="end"
            items={[
                ...COMPARES.map(({ name, label: text }) => ({ label: text, checked: name === compare, run: () => show({ compare: name }) })),
                { label: "Choose the days\u2026", checked: isCustom, run: onCustom },
                ...(isCustom || compare === "none"
                    ? []
                    : [
                          {
                              label: "Match the weekday",
                              note: "Mondays stand against Mondays",
                              checked: matches,
                              alone: true,
                              separated: true,
                              run: () => show({ weekdays: matches ? "any" : "match" }),
                          },
                      ]),
            ]}
        >
            <span class="narrow-only">
                <Icon name="compare" />
            </span>
            <span class="wide-only">{label}</span>
            <Icon name="down" size={14} />
        </Menu>
    );
}
