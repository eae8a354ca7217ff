import { devices } from "../panels/devices/devices";
import { events } from "../panels/events/events";
import { headlineQuery } from "../panels/headline/headline";
import { COUNTRIES_MAX, locations } from "../panels/locations/places";
import { pages } from "../panels/pages/pages";
import { rankingQuery, tabOf } from "../panels/ranking/spec";
import { sources } from "../panels/sources/sources";
import { timelineQuery } from "../panels/timeline/series";
import type { Answer, Query } from "../lib/query";
import { baseQuery, comparesOf, type Days, granularityOf, type View } from "./state";

/** The question whose totals are the numbers on top: the chart's, so that they are counted once. Of all time the chart waits for the
 *  site's past, and the numbers do not. */
export function numbersOf(view: View): "headline" | "timeline" {
  return view.range === "all" ? "headline" : "timeline";
}

/** The question that the chart shows: of all time, while the site's past is not known, that one, so that its failure is told. */
export function chartOf(view: View, past: Days | undefined): "past" | "timeline" {
  return view.range === "all" && !past ? "past" : "timeline";
}

/** Everything that the dashboard asks for a view, by panel; sent by parts. The server begins those of a part in this order, some at a
 *  time: what takes longest comes first, so that nothing long is left alone at the end. Only the chart of all time waits for `past`. */
export function questionsOf(siteId: string, view: View, today: string, past: Days | undefined): Record<string, Query> {
  const base: Query = { metrics: [], ...baseQuery(siteId, view, today) };
  const compare = comparesOf(view, today);
  const places = tabOf(locations, view.tabs[locations.id]);
  const questions: Record<string, Query> = {
    ...(numbersOf(view) === "headline" ? { headline: headlineQuery(base, compare) } : {}),
    ...(chartOf(view, past) === "timeline" ? { timeline: timelineQuery(base, granularityOf(view, past), compare) } : {}),
  };
  for (const ranking of [pages, sources, events, devices]) questions[ranking.id] = rankingQuery(tabOf(ranking, view.tabs[ranking.id]), base);
  questions["countries"] = rankingQuery(tabOf(locations, undefined), base, COUNTRIES_MAX);
  if (places.dimension !== "country") questions["locations"] = rankingQuery(places, base);
  if (view.range === "all") questions["past"] = pastQuery(siteId);
  return questions;
}

/** The part of the page that a question is for. Numbers and chart do not wait for the lists, which take longest on a large site. */
export const partOf = (panel: string): "top" | "lists" => (["headline", "timeline", "past"].includes(panel) ? "top" : "lists");

/** Since which month the site has had events, and whether it ever had one. */
export function pastQuery(siteId: string): Query {
  return { website_id: siteId, metrics: ["events"], dimensions: ["month"], time_range: "all", order_by: [["month", "asc"]], limit: 1 };
}

/** The days since the first month of the answer to pastQuery(); undefined until it is here. */
export function pastOf(answer: Answer | undefined, today: string): Days | undefined {
  const first = answer?.rows[0]?.[0];
  return answer && { from: typeof first === "string" ? first : today, to: today };
}
