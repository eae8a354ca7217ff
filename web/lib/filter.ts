import { type Condition, type Conditions, type Filter, type FilterGroup, type FilterTree, type Operator, OPERATORS, type Problem, type Query } from "./query";

/** The server's limits: conditions of a request, those inside groups included, and groups around a condition, itself included. */
export const CONDITIONS_MAX = 50;
export const DEPTH_MAX = 8;
/** Of one condition; an address with more is longer than servers take. */
export const VALUES_MAX = 50;

const GROUPS = ["and", "or", "not", "has_done", "has_not_done"] as const;

export const isGroup = (filter: FilterTree): filter is FilterGroup => "group" in filter;

/** The group that a "not" says in one word with: "not any of" is "none of". */
export function negated({ group, filters: [first] }: FilterGroup): FilterGroup | undefined {
  return group === "not" && first && isGroup(first) && (first.group === "and" || first.group === "or") ? first : undefined;
}

/** How many values a condition takes, at least and at most. */
export function valuesOf(operator: Operator): readonly [number, number] {
  if (operator === "is_set" || operator === "is_not_set") return [0, 0];
  if (operator === "gt" || operator === "lt") return [1, 1];
  return operator === "between" ? [2, 2] : [1, VALUES_MAX];
}

export function conditionsIn(filters: readonly FilterTree[]): number {
  return filters.reduce((sum, filter) => sum + (isGroup(filter) ? conditionsIn(filter.filters) : 1), 0);
}

/** As the query interface takes it. */
export function conditionOf(filter: Filter): Condition;
export function conditionOf(filter: FilterTree): Conditions;
export function conditionOf(filter: FilterTree): Conditions {
  if (isGroup(filter)) {
    const { group, filters } = filter;
    return group === "not" ? [group, conditionOf(filters[0] as FilterTree)] : [group, filters.map((inner) => conditionOf(inner))];
  }
  const { dimension, operator, values } = filter;
  if (operator === "is_set") return [dimension, operator];
  return operator === "is_not_set" ? [dimension, "is_set", false] : [dimension, operator, values];
}

/** What conditionOf() makes, or anybody else who speaks to the query interface; undefined where a newer server has words of its own. */
export function filterOf(condition: unknown, depth = 1): FilterTree | undefined {
  if (!Array.isArray(condition) || depth > DEPTH_MAX) return undefined;
  const [first, second, third] = condition as unknown[];
  const group = GROUPS.find((name) => name === first);
  if (group) {
    const inner = condition.length === 2 && Array.isArray(second) && Array.isArray(second[0]) ? second : condition.slice(1);
    const filters = inner.map((one) => filterOf(one, depth + 1)).filter((one) => one !== undefined);
    const isWhole = filters.length === inner.length && (group === "not" ? filters.length === 1 : filters.length > 0);
    return isWhole ? { group, filters } : undefined;
  }
  const operator = OPERATORS.find((name) => name === second);
  if (typeof first !== "string" || !operator) return undefined;
  if (operator === "is_set") return { dimension: first, operator: third === false ? "is_not_set" : operator, values: [] };
  return { dimension: first, operator, values: (Array.isArray(third) ? third : [third]).map(String) };
}

/** "country~is~DE~FR"; "!" makes the next character an ordinary one. */
export function joined(parts: readonly string[], marks = /[!~]/g): string {
  return parts.map((part) => part.replace(marks, "!$&")).join("~");
}

export function partsOf(text: string): string[] {
  return readParts(text, 0, "").parts;
}

/** Up to one of the letters of `ends`. */
function readParts(text: string, from: number, ends: string): { parts: string[]; at: number } {
  const parts = [""];
  let at = from;
  for (; at < text.length && !ends.includes(text.charAt(at)); at += 1) {
    if (text[at] === "~") parts.push("");
    else {
      if (text[at] === "!") at += 1;
      parts[parts.length - 1] += text[at] ?? "";
    }
  }
  return { parts, at };
}

/** As it stands in an address: "country~is~DE~FR", "or(country~is~DE,not(page~contains~/blog))". Inside a group brackets and commas are
 *  marked by "!" too; a condition outside of one is written as it was before there were groups. */
export function filterText(filter: FilterTree, isInside = false): string {
  if (isGroup(filter)) return `${filter.group}(${filter.filters.map((inner) => filterText(inner, true)).join(",")})`;
  return joined([filter.dimension, filter.operator, ...filter.values], isInside ? /[!~(),]/g : undefined);
}

/** Undefined where it is not whole, is nested deeper than the server takes, or is about a dimension that nobody knows. */
export function parseFilter(text: string, isDimension: (name: string) => boolean): FilterTree | undefined {
  let at = 0;

  function tree(depth: number): FilterTree | undefined {
    if (depth > DEPTH_MAX) return undefined;
    const group = GROUPS.find((name) => text.startsWith(`${name}(`, at));
    if (!group) {
      const read = readParts(text, at, depth > 1 ? ",)" : "");
      at = read.at;
      return testOf(read.parts, isDimension);
    }
    at += group.length;
    const filters: FilterTree[] = [];
    do {
      at += 1;
      const inner = tree(depth + 1);
      if (!inner) return undefined;
      filters.push(inner);
    } while (text[at] === ",");
    if (text[at] !== ")" || (group === "not" && filters.length > 1)) return undefined;
    at += 1;
    return { group, filters };
  }

  const whole = tree(1);
  return at === text.length ? whole : undefined;
}

function testOf([dimension = "", name = "", ...values]: readonly string[], isDimension: (name: string) => boolean): Filter | undefined {
  const operator = OPERATORS.find((known) => known === name);
  if (!isDimension(dimension) || !operator) return undefined;
  const [least, most] = valuesOf(operator);
  return values.length < least || values.length > most ? undefined : { dimension, operator, values };
}

/** Whether a value is one of those that a filter of the view, outside of groups, is about. */
export const isChosen = (filters: readonly FilterTree[], dimension: string, value: string): boolean =>
  filters.some((filter) => !isGroup(filter) && filter.dimension === dimension && filter.operator === "is" && filter.values.includes(value));

/** Whether a question is about a part of the visitors only. */
export const isFiltered = ({ filters, segment }: Pick<Query, "filters" | "segment">): boolean => (filters ?? []).length > 0 || segment !== undefined;

/** Whether an error is about what all questions of a view have in common: its filters, or its segment. */
export const isOfFilters = (problem: Problem | undefined): boolean => /^(filters(\[|$)|segment$)/.test(problem?.field ?? "");

/** Where in the filters of a request something is wrong. */
export interface FilterPlace {
  /** Of the outermost filter. */
  index: number;
  /** From it to the inner one, by places in the groups; empty: the filter itself. */
  path: readonly number[];
  /** Undefined: the whole of it. */
  part: "dimension" | "operator" | "values" | undefined;
}

const PARTS = ["dimension", "operator", "values"] as const;

/** The place that an error's field names, such as "filters[1][1][0][2]", as conditionOf() writes the filters. Undefined: it names none of them. */
export function placeIn(filters: readonly FilterTree[], field: string | undefined): FilterPlace | undefined {
  if (!/^filters(\[\d+\])+$/.test(field ?? "")) return undefined;
  const [index = 0, ...rest] = [...(field ?? "").matchAll(/\d+/g)].map(([digits]) => Number(digits));
  let filter = filters[index];
  if (!filter) return undefined;
  const path: number[] = [];
  while (isGroup(filter) && rest.length > 0) {
    // ["or", [A, B]] and ["not", A]
    const next: number | undefined = filter.group === "not" ? 0 : rest[1];
    rest.splice(0, filter.group === "not" ? 1 : 2);
    const inner: FilterTree | undefined = filter.filters[next ?? -1];
    if (next === undefined || !inner) break;
    path.push(next);
    filter = inner;
  }
  return { index, path, part: isGroup(filter) ? undefined : PARTS[rest[0] ?? -1] };
}

/** The inner filter at a place. */
export function filterAt(filters: readonly FilterTree[], { index, path }: Pick<FilterPlace, "index" | "path">): FilterTree | undefined {
  return path.reduce<FilterTree | undefined>((filter, at) => (filter && isGroup(filter) ? filter.filters[at] : undefined), filters[index]);
}
