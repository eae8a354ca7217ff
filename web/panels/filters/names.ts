import { sentence, visible } from "../../lib/format";
import type { Operator } from "../../lib/query";
import { devices } from "../devices/devices";
import { events } from "../events/events";
import { locations } from "../locations/places";
import { pages } from "../pages/pages";
import type { RankingTab } from "../ranking/spec";
import { sources } from "../sources/sources";

/** What can be filtered by, as it stands in the panels. */
export const PANELS = [pages, sources, locations, devices, events];

const tabs = new Map(PANELS.flatMap((ranking) => ranking.tabs).map((tab) => [tab.dimension, tab]));

export const OPERATORS: Record<Operator, string> = {
  is: "is",
  is_not: "is not",
  contains: "contains",
  contains_not: "does not contain",
  is_set: "is set",
};

/** The panel's tab of a dimension; undefined for one that only an address names, such as a property. */
export function tabOfDimension(dimension: string): RankingTab | undefined {
  return tabs.get(dimension);
}

/** A filter says what the panel says from which it came. */
export function nameOfDimension(dimension: string): string {
  return tabs.get(dimension)?.column ?? sentence(dimension.replace("property:", ""));
}

export function nameOfValue(dimension: string, value: string): string {
  return tabs.get(dimension)?.nameOf(value) ?? visible(value, "(none)");
}

/** What was typed, as the value that it names: "germany" is DE. Of parts of values nothing is known but the letters. */
export function valueNamed(text: string, operator: Operator, known: readonly { value: string; name: string }[]): string {
  if (operator === "contains" || operator === "contains_not") return text;
  const lower = text.toLowerCase();
  return known.find(({ value, name }) => value === text || name.toLowerCase() === lower)?.value ?? text;
}
