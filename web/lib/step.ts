import { conditionOf } from "./filter";
import type { Conditions, FilterTree } from "./query";

/** What an event has to be: a pageview of a page, a custom event of a name, or one that met a goal of the site. */
export interface Step {
  of: StepKind;
  value: string;
  /** What it is called, where that is not its value. */
  name?: string;
  /** What the event has to be beside. */
  filters?: readonly FilterTree[];
}

export const STEP_KINDS = ["page", "event", "goal"] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** The server's limit. */
export const STEPS_MAX = 16;

/** How long after the first step the last one may come. */
export const WINDOWS = [
  { name: "30m", label: "30 minutes", seconds: 1_800 },
  { name: "1h", label: "1 hour", seconds: 3_600 },
  { name: "1d", label: "1 day", seconds: 86_400 },
  { name: "7d", label: "7 days", seconds: 604_800 },
  { name: "30d", label: "30 days", seconds: 2_592_000 },
] as const;
export type WindowName = (typeof WINDOWS)[number]["name"];

export const PERIODS = ["day", "week", "month"] as const;
export type Period = (typeof PERIODS)[number];

/** Whose events follow each other. */
export type Per = "visitor" | "session";

/** Of what paths are made. */
export const NODE_KINDS = [
  { name: "pages", label: "Pages" },
  { name: "events", label: "Events" },
  { name: "both", label: "Pages and events" },
] as const;
export type NodeKinds = (typeof NODE_KINDS)[number]["name"];

/** Whether a node right after an equal one is left out of a path. */
export type Repeats = "collapse" | "keep";

/** The server's limits are 2 to 10, and 50. */
export const DEPTHS = [2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
export const BRANCHES = [3, 5, 8, 12, 20] as const;

/** As POST /api/v1/funnel and /api/v1/retention take it. */
export type StepRequest = { readonly [kind in StepKind]?: string } & { readonly name?: string; readonly filters?: readonly Conditions[] };

export function stepRequest({ of, value, name, filters = [] }: Step): StepRequest {
  return {
    [of]: value,
    ...(name === undefined ? {} : { name }),
    ...(filters.length === 0 ? {} : { filters: filters.map((filter) => conditionOf(filter)) }),
  };
}
