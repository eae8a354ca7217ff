import { ApiError, call, type Goal } from "./api";
import { conditionOf } from "./filter";
import { type Answer, columnOf, type FilterTree, type Query } from "./query";

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

const pathOf = (siteId: string) => `/api/v1/sites/${encodeURIComponent(siteId)}/goals`;

export function goalRequest({ name, kind, match, value, filters }: NewGoal): object {
  return { name, [kind]: value, match, ...(filters.length === 0 ? {} : { filters: filters.map((filter) => conditionOf(filter)) }) };
}

export async function addGoal(siteId: string, body: object): Promise<void> {
  await call(pathOf(siteId), { method: "POST", body });
}

export async function removeGoal(siteId: string, { id }: Goal): Promise<void> {
  await call(`${pathOf(siteId)}/${encodeURIComponent(id)}`, { method: "DELETE", body: {} });
}

/** The server knows no other name for a goal that is there: the same one is added under its new name, then the old one goes. So there is no
 *  moment without it, and of kinds that are not known here everything stays. */
export async function renameGoal(siteId: string, goal: Goal, name: string): Promise<void> {
  const { id: _, ...rest } = goal;
  await addGoal(siteId, { ...rest, name });
  try {
    await removeGoal(siteId, goal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return;
    throw new ApiError(`'${name}' was added, but '${goal.name}' is still there. ${error instanceof Error ? error.message : ""}`.trim());
  }
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
}

/** Every goal with its numbers, most conversions first; what nobody met is in no answer. */
export function goalRows(goals: readonly Goal[], answer: Answer): GoalRow[] {
  const at = (name: string) => columnOf(answer, name);
  const [goal, conversions, rate, visitors] = [at("goal"), at("conversions"), at("conversion_rate"), at("converted_visitors")];
  const rows = new Map(answer.rows.map((row) => [String(row[goal]), row]));
  // Without a conversion the rate is zero where there is a session at all.
  const none = (answer.totals?.["conversion_rate"] ?? null) === null ? null : 0;
  return goals
    .map((one) => {
      const row = rows.get(one.name);
      const numberAt = (column: number) => Number(row?.[column] ?? 0);
      const its = row ? ((row[rate] ?? null) as number | null) : none;
      return { goal: one, conversions: numberAt(conversions), rate: its, visitors: numberAt(visitors) };
    })
    .sort((a, b) => b.conversions - a.conversions || a.goal.name.localeCompare(b.goal.name));
}
