import { sentence, visible } from "../../lib/format";
import { isGroup, negated } from "../../lib/filter";
import type { Filter, FilterGroup, FilterTree, Operator } from "../../lib/query";
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
  matches: "matches",
  matches_not: "does not match",
  gt: "is above",
  lt: "is below",
  between: "is between",
  is_set: "is set",
  is_not_set: "is not set",
  // Of the visitor, at some time of the range.
  has_done: "once was",
  has_not_done: "never was",
};

/** Operators whose values are parts of texts, or patterns: nothing is known of them but the letters. */
export const isLiteral = (operator: Operator): boolean => /^(contains|matches)/.test(operator);

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

/** The values of a condition as people call them, with a word between them. */
export function nameOfValues({ dimension, operator, values }: Filter, between = operator === "between" ? " and " : " or "): string {
  return values.map((value) => (isLiteral(operator) ? visible(value, "(blank)") : nameOfValue(dimension, value))).join(between);
}

/** Of the last two the conditions are about one event, or one session, of the visitor at some time of the range. */
const GROUPS = { and: "All of", or: "Any of", not: "None of", has_done: "Once together", has_not_done: "Never together" } as const;

/** What a group asks of its conditions. */
export function nameOfGroup(filter: FilterGroup): string {
  return negated(filter)?.group === "and" ? "Not all of" : GROUPS[filter.group];
}

/** "Country is Germany", "any of: Country is Germany; Page contains /blog". */
export function wordsOfFilter(filter: FilterTree): string {
  if (!isGroup(filter)) return `${nameOfDimension(filter.dimension)} ${OPERATORS[filter.operator]} ${nameOfValues(filter)}`.trim();
  return `${nameOfGroup(filter).toLowerCase()}: ${wordsOfMembers(filter)}`;
}

/** "Country is Germany; (all of: Page is /; Browser is Firefox)". */
export function wordsOfMembers(group: FilterGroup): string {
  // Its name tells the "not".
  return (negated(group) ?? group).filters
    .map((member) => (isGroup(member) ? `(${wordsOfFilter(member)})` : wordsOfFilter(member)))
    .join("; ");
}

/** What was typed, as the value that it names: "germany" is DE. Of parts of values nothing is known but the letters. */
export function valueNamed(text: string, operator: Operator, known: readonly { value: string; name: string }[]): string {
  if (isLiteral(operator)) return text;
  const lower = text.toLowerCase();
  return known.find(({ value, name }) => value === text || name.toLowerCase() === lower)?.value ?? text;
}
