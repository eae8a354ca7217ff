import { devices } from "../panels/devices/devices";
import { events } from "../panels/events/events";
import { headlineQuery } from "../panels/headline/headline";
import { COUNTRIES_MAX, locations } from "../panels/locations/places";
import { pages } from "../panels/pages/pages";
import { rankingQuery, tabOf } from "../panels/ranking/spec";
import { sources } from "../panels/sources/sources";
import { timelineQuery } from "../panels/timeline/series";
import type { Query } from "../lib/query";
import { baseQuery, comparesOf, granularityOf, type View } from "./state";

/** Everything that the dashboard asks for a view, by panel; sent in one request. */
export function questionsOf(siteId: string, view: View, today: string): Record<string, Query> {
  const base: Query = { metrics: [], ...baseQuery(siteId, view, today) };
  const compare = comparesOf(view);
  const places = tabOf(locations, view.tabs[locations.id]);
  const questions: Record<string, Query> = {
    headline: headlineQuery(base, compare),
    timeline: timelineQuery(base, granularityOf(view), compare),
    countries: rankingQuery(tabOf(locations, undefined), base, COUNTRIES_MAX),
  };
  for (const ranking of [pages, sources, devices, events]) questions[ranking.id] = rankingQuery(tabOf(ranking, view.tabs[ranking.id]), base);
  if (places.dimension !== "country") questions["locations"] = rankingQuery(places, base);
  return questions;
}

/** Whether the site ever had an event: asked where a view without filters is empty. */
export function everQuery(siteId: string): Query {
  return { website_id: siteId, metrics: ["events"], time_range: "all" };
}
