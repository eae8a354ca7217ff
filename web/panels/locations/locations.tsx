import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Reply } from "../../app/board";
import type { Land } from "../../charts/map";
import { columnOf, type FilterTree } from "../../lib/query";
import { countryName } from "../../lib/place";
import { Panel } from "../../ui/panel";
import { type Actions, panelMenu, RankingBody } from "../ranking/ranking";
import { tabOf } from "../ranking/spec";
import { locations } from "./places";

type MapView = ComponentType<{ lands: readonly Land[]; onChoose: (code: string) => void }>;

interface Props {
    chosen: string | undefined;
    /** The map's, whatever the tab. */
    countries: Reply;
    /** Of the tab; the map's own where that is countries. */
    reply: Reply;
    /** The numbers on top. */
    numbers: Reply;
    domain: string;
    filters: readonly FilterTree[];
    actions: Actions;
}

/** The map, and always a list beside it: a map leaves out those who do not see it, and countries too small to be seen. */
export function LocationsPanel({ chosen, countries, reply, numbers, domain, filters, actions }: Props) {
    const tab = tabOf(locations, chosen);
    return (
        <Panel
            title={locations.title}
            class="locations"
            tabs={locations.tabs.map(({ dimension, label }) => ({ id: dimension, label }))}
            tab={tab.dimension}
            onTab={(id) => actions.onTab(locations.id, id)}
            stale={reply.waiting && reply.answer !== undefined}
            menu={[
                ...panelMenu(`Locations: ${tab.label.toLowerCase()}`, tab, reply, actions),
                ...(tab.dimension === "country"
                    ? []
                    : [{ label: "Show query of the map", run: () => actions.onExplain("Locations: map", countries) }]),
            ]}
        >
            <div class="map-and-list">
                <LazyMap reply={countries} onChoose={(code) => actions.onFilter("country", code)} />
                <div>
                    <RankingBody tab={tab} what={locations.title} reply={reply} numbers={numbers} domain={domain} filters={filters} actions={actions} />
                </div>
            </div>
        </Panel>
    );
}

/** The map is fetched when its place comes into view: many look at the top of the page only. */
function LazyMap({ reply, onChoose }: { reply: Reply; onChoose: (code: string) => void }) {
    const place = useRef<HTMLDivElement>(null);
    const [map, setMap] = useState<{ View: MapView } | "failed">();
    useEffect(() => {
        if (!place.current) return;
        const observer = new IntersectionObserver(
            (entries) => {
                if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
                observer.disconnect();
                import("../../charts/map").then(
                    ({ default: View }) => setMap({ View }),
                    () => setMap("failed"),
                );
            },
            { rootMargin: "200px" },
        );
        observer.observe(place.current);
        return () => observer.disconnect();
    }, []);
    return (
        <div class="map-place" ref={place}>
            {map === "failed" ? (
                <p class="quiet">The map could not be loaded. The list has the same numbers.</p>
            ) : (
                map && <map.View lands={landsOf(reply)} onChoose={onChoose} />
            )}
        </div>
    );
}

function landsOf({ answer }: Reply): Land[] {
    if (!answer) return [];
    const column = columnOf(answer, "visitors");
    return answer.rows
        .map((row) => ({ code: String(row[0] ?? ""), name: countryName(String(row[0] ?? "")), value: Number(row[column] ?? 0) }))
        .filter(({ code }) => code !== "");
}
