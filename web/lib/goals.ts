import { call, type Goal } from "./api";
import { type Sureness, surenessByRow } from "./confidence";
import { conditionOf } from "./filter";
import { type Answer, columnOf, type FilterTree, type Query } from "./query";
import { filtersOf } from "./segments";

/** What a goal may be met by. Another kind is a line here, with the dimension whose values are suggested. */
export const GOAL_KINDS = [
  { name: "page", label: "Viewing a page", noun: "Page", dimension: "page" },
  { name: "event", label: "A custom event", noun: "Event", dimension: "event_name" },
] as const;
export type GoalKind = (typeof GOAL_KINDS)[number]["name"];

export const MATCHES = [
  { name: "is", label: "is", hint: "Choose or type" },
  { name: "contains", label: "contains", hint: "A part of the text" },
  { name: "matches", label: "matches", hint: "A regular expression (RE2)" },
  // Then the conditions alone say which: a property, a revenue, a time on the page.
  { name: "any", label: "is any", hint: "" },
] as const;
export type Match = (typeof MATCHES)[number]["name"];

export interface NewGoal {
  name: string;
  kind: GoalKind;
  match: Match;
  value: string;
  filters: readonly FilterTree[];
}

const pathOf = (siteId: string, id?: string): string =>
  `/api/v1/sites/${encodeURIComponent(siteId)}/goals${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;

export function goalRequest({ name, kind, match, value, filters }: NewGoal): object {
  return { name, [kind]: value, match, ...(filters.length === 0 ? {} : { filters: filters.map((filter) => conditionOf(filter)) }) };
}

/** Adds one, or, with the id of one that is there, replaces all that it is. */
export async function saveGoal(siteId: string, body: object, id?: string): Promise<void> {
  await call(pathOf(siteId, id), { method: id === undefined ? "POST" : "PUT", body });
}

export async function removeGoal(siteId: string, { id }: Goal): Promise<void> {
  await call(pathOf(siteId, id), { method: "DELETE", body: {} });
}

/** Of kinds and conditions that are not known here everything stays. */
export function renameGoal(siteId: string, goal: Goal, name: string): Promise<void> {
  const { id, ...rest } = goal;
  return saveGoal(siteId, { ...rest, name }, id);
}

/** A goal as its form has it; undefined where it is of a kind, match or condition that the form has not. */
export function formOf({ name, match: matching = "is", filters = [], ...rest }: Goal): NewGoal | undefined {
  const kind = GOAL_KINDS.find((one) => one.name in rest)?.name;
  const match = MATCHES.find((one) => one.name === matching)?.name;
  const conditions = filtersOf({ filters });
  return kind && match && conditions && { name, kind, match, value: rest[kind] ?? "", filters: conditions };
}

/** The conversions of each goal. */
export function goalsQuery(base: Query): Query {
  return {
    ...base,
    metrics: ["conversions", "conversion_rate", "converted_visitors"],
    dimensions: ["goal"],
    order_by: [
      ["conversions", "desc"],
      ["goal", "asc"],
    ],
    limit: GOALS_MAX,
  };
}

/** The server's limit. */
export const GOALS_MAX = 50;

export interface GoalRow {
  goal: Goal;
  conversions: number;
  rate: number | null;
  visitors: number;
  /** How far each may be off; of a goal that nobody of a sample met nothing is known. */
  sureness: Record<"conversions" | "rate" | "visitors", Sureness>;
}

/** Every goal with its numbers, most conversions first; what nobody met is in no answer. */
export function goalRows(goals: readonly Goal[], answer: Answer): GoalRow[] {
  const at = (name: string) => columnOf(answer, name);
  const [goal, conversions, rate, visitors] = [at("goal"), at("conversions"), at("conversion_rate"), at("converted_visitors")];
  const places = new Map(answer.rows.map((row, place) => [String(row[goal]), place]));
  const surenessOf = (metric: string) => surenessByRow(answer.meta, answer, metric) ?? (() => undefined);
  const [ofConversions, ofRate, ofVisitors] = [surenessOf("conversions"), surenessOf("conversion_rate"), surenessOf("converted_visitors")];
  // Without a conversion the rate is zero where there is a session at all.
  const none = (answer.totals?.["conversion_rate"] ?? null) === null ? null : 0;
  return goals
    .map((one) => {
      const place = places.get(one.name) ?? -1;
      const row = answer.rows[place];
      const numberAt = (column: number) => Number(row?.[column] ?? 0);
      const its = row ? ((row[rate] ?? null) as number | null) : none;
      const sureness = { conversions: ofConversions(place), rate: ofRate(place), visitors: ofVisitors(place) };
      return { goal: one, conversions: numberAt(conversions), rate: its, visitors: numberAt(visitors), sureness };
    })
    .sort((a, b) => b.conversions - a.conversions || a.goal.name.localeCompare(b.goal.name));
}
