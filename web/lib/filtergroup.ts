import { isGroup, negated } from "./filter";
import type { Filter, FilterGroup, FilterTree } from "./query";

/** A group as it is edited: what it asks of its members, who may be none as yet. */
export interface Draft {
  mode: Mode;
  members: readonly (Filter | Draft)[];
}

export const MODES = ["all", "any", "none", "not_all", "done", "not_done"] as const;
export type Mode = (typeof MODES)[number];

export type Member = Filter | Draft;

export const isDraft = (member: Member): member is Draft => "mode" in member;

/** Whether a group asks what visitors did, which no group inside of it can ask again. */
export const isOfDoings = (mode: Mode): boolean => mode === "done" || mode === "not_done";

const MODE_OF = { and: "all", or: "any", not: "none", has_done: "done", has_not_done: "not_done" } as const;

export function draftOf(filter: FilterGroup): Draft {
  const within = negated(filter);
  const members = (within ?? filter).filters.map((member) => (isGroup(member) ? draftOf(member) : member));
  return { mode: within?.group === "and" ? "not_all" : MODE_OF[filter.group], members };
}

/** Of a place among the filters, as placeIn() gives it, the one in the draft. */
export function pathInDraft(filter: FilterTree, path: readonly number[]): number[] {
  const [first, ...rest] = path;
  if (!isGroup(filter) || first === undefined) return [];
  const within = negated(filter);
  if (within) return pathInDraft(within, rest);
  const member = filter.filters[first];
  return member ? [first, ...pathInDraft(member, rest)] : [];
}

/** What a draft says, in as few words: groups without members are nothing, one member of which all or any must hold is that member, and
 *  of one value that visitors once had, or never, there is an operator. */
export function filterOfDraft({ mode, members }: Draft): FilterTree | undefined {
  const filters = members.map((member) => (isDraft(member) ? filterOfDraft(member) : member)).filter((member) => member !== undefined);
  const [only] = filters;
  if (!only) return undefined;
  if (isOfDoings(mode)) {
    const group = mode === "done" ? "has_done" : "has_not_done";
    return filters.length === 1 && !isGroup(only) && only.operator === "is" ? { ...only, operator: group } : { group, filters };
  }
  const group = mode === "all" || mode === "not_all" ? "and" : "or";
  const whole: FilterTree = filters.length === 1 ? only : { group, filters };
  return mode === "all" || mode === "any" ? whole : { group: "not", filters: [whole] };
}

/** The member at a path; the draft itself at the empty one. */
export function memberAt(draft: Draft, path: readonly number[]): Member | undefined {
  return path.reduce<Member | undefined>((member, at) => (member && isDraft(member) ? member.members[at] : undefined), draft);
}

/** Whether what stands at a path, or around it, asks what visitors did. */
export function isDoing(draft: Draft, path: readonly number[]): boolean {
  const member = memberAt(draft, path);
  return (member !== undefined && isDraft(member) && isOfDoings(member.mode)) || (path.length > 0 && isDoing(draft, path.slice(0, -1)));
}

/** With another member at a path, behind the last one for a place that there is not yet; undefined takes it away. */
export function withMember(draft: Draft, [at, ...rest]: readonly number[], member: Member | undefined): Draft {
  if (at === undefined) return member && isDraft(member) ? member : draft;
  const old = draft.members[at];
  const next = rest.length > 0 && old && isDraft(old) ? withMember(old, rest, member) : member;
  const members = next === undefined ? draft.members.filter((_, index) => index !== at) : [...draft.members.slice(0, at), next, ...draft.members.slice(at + 1)];
  return { ...draft, members };
}

/** How deep its deepest member lies, as the server counts: a condition alone is 1. */
export function depthOf(draft: Draft, at = 1): number {
  // "None of" is a "not" around an "or", where it has more than one member.
  const below = at + (draft.mode === "none" || draft.mode === "not_all" ? 2 : 1);
  return Math.max(below, ...draft.members.map((member) => (isDraft(member) ? depthOf(member, below) : below)));
}

export function conditionsOf({ members }: Draft): number {
  return members.reduce((sum, member) => sum + (isDraft(member) ? conditionsOf(member) : 1), 0);
}
