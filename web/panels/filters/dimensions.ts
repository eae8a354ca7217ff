import { nameOfDimension, PANELS, tabOfDimension } from "./names";

/** What can be filtered by beside what the panels have (schema/dimensions.json), under the heads of a choice. */
const OTHERS: readonly { title: string; dimensions: readonly string[] }[] = [
  { title: "Events", dimensions: ["goal", "event_category", "event_action", "event_label"] },
  { title: "Numbers", dimensions: ["revenue", "engaged_seconds", "scroll_percent"] },
  { title: "Time", dimensions: ["date", "hour", "minute", "week", "month"] },
  { title: "First visit", dimensions: ["first_source", "first_medium", "first_campaign", "first_channel", "first_referrer"] },
  { title: "Last source", dimensions: ["last_source", "last_medium", "last_campaign", "last_channel", "last_referrer"] },
  { title: "Visitors", dimensions: ["user_id", "session_id"] },
];

const OTHER_DIMENSIONS = OTHERS.flatMap(({ dimensions }) => dimensions);

export const isProperty = (name: string): boolean => /^property:.+$/s.test(name);

export const isDimension = (name: string): boolean => tabOfDimension(name) !== undefined || OTHER_DIMENSIONS.includes(name) || isProperty(name);

/** Of each event; it is only compared. */
export const isNumber = (name: string): boolean => ["revenue", "engaged_seconds", "scroll_percent"].includes(name);

/** What brought a visitor at first or at last. */
export const isTouch = (name: string): boolean => /^(first|last)_/.test(name);

/** Of days (`day`), or of instants. */
export function timeOf(dimension: string): "day" | "instant" | undefined {
  if (["date", "week", "month"].includes(dimension)) return "day";
  return dimension === "hour" || dimension === "minute" ? "instant" : undefined;
}

/** All of them but properties, of which nobody knows the names, in the order in which they are offered. */
export function offered(): { dimension: string; name: string; title: string }[] {
  return [
    ...PANELS.flatMap(({ title, tabs }) => tabs.map(({ dimension, column }) => ({ dimension, name: column, title }))),
    ...OTHERS.flatMap(({ title, dimensions }) => dimensions.map((dimension) => ({ dimension, name: nameOfDimension(dimension), title }))),
  ];
}
