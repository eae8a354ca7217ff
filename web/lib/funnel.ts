import { askOne } from "./ask";
import { whole } from "./metrics";
import type { OnProgress } from "./progress";
import type { Cell, Meta, Problem, Query } from "./query";
import { type Per, type Step, type StepRequest, stepRequest, type WindowName, WINDOWS } from "./step";

/** What POST /api/v1/funnel takes. */
export interface FunnelRequest extends Pick<Query, "website_id" | "date_range" | "time_range" | "filters" | "segment"> {
  steps: readonly StepRequest[];
  window_seconds: number;
  by: Per;
  breakdown?: string;
  limit?: number;
  /** So many who were lost are named at each step. */
  dropped_limit?: number;
  explain?: boolean;
}

export interface FunnelStep {
  name: string;
  visitors: number;
  /** Percent of the first step's; null of nobody. */
  rate: number | null;
  step_rate: number | null;
  drop_off: number;
  /** Where they were asked for. */
  dropped?: DroppedVisitor[];
  /** By session only. */
  sessions?: number;
  session_rate?: number | null;
}

export interface FunnelAnswer {
  steps: FunnelStep[];
  breakdown: { value: string; steps: FunnelStep[] }[] | null;
  meta: Meta;
}

/** Who reached a step and not the next; `at` is when they last met any step, in the site's zone. */
export interface DroppedVisitor {
  user_id: string;
  at: string;
}

/** More nobody reads; the server names up to 1,000. */
export const DROPPED_MAX = 200;

/** More values nobody compares. */
export const BREAKDOWN_MAX = 20;

interface Asked {
  steps: readonly Step[];
  window: WindowName;
  per: Per;
  breakdown: string | undefined;
}

/** `base`: site, range and filters. Undefined: there is no step yet, and nothing to ask. */
export function funnelRequest(base: Omit<FunnelRequest, "steps" | "window_seconds" | "by">, { steps, window, per, breakdown }: Asked): FunnelRequest | undefined {
  if (steps.length === 0) return undefined;
  return {
    ...base,
    steps: steps.map(stepRequest),
    window_seconds: WINDOWS.find(({ name }) => name === window)?.seconds ?? 0,
    by: per,
    ...(breakdown === undefined ? {} : { breakdown, limit: BREAKDOWN_MAX }),
  };
}

export function askFunnel(request: FunnelRequest, signal?: AbortSignal, onProgress?: OnProgress): Promise<FunnelAnswer> {
  const isAnswer = ({ steps }: FunnelAnswer) => Array.isArray(steps) && steps.length === request.steps.length;
  return askOne("/api/v1/funnel", request, isAnswer, { signal, onProgress });
}

/** A step as it is drawn: of visitors, or of sessions where they are what is counted. */
export interface Bar {
  name: string;
  count: number;
  visitors: number;
  /** Percent; null of nobody. */
  ofFirst: number | null;
  ofBefore: number | null;
  lost: number;
}

export function barsOf(steps: readonly FunnelStep[], per: Per): Bar[] {
  return steps.map((step, index) => {
    const { name, visitors } = step;
    if (per === "visitor") return { name, count: visitors, visitors, ofFirst: step.rate, ofBefore: step.step_rate, lost: step.drop_off };
    // The server tells the rate by step and what was lost of visitors alone.
    const count = step.sessions ?? 0;
    const before = index === 0 ? count : (steps[index - 1]?.sessions ?? 0);
    return { name, count, visitors, ofFirst: step.session_rate ?? null, ofBefore: before === 0 ? null : (100 * count) / before, lost: before - count };
  });
}

/** In percent. Few of very many are not none. */
export function rateText(rate: number | null): string {
  return rate !== null && rate > 0 && rate < 0.05 ? "<0.1\u00a0%" : whole("percent", rate);
}

/** The part of a builder that an error is about: "steps[1]", "breakdown"; empty: the whole, or something that is not in the builder. */
export function placeOf(problem: Problem | undefined): string {
  const places = /^(steps\[\d+\]|window_seconds|by|breakdown|granularity|first|again|from|to|depth|nodes|limit|collapse)(?![\w])/;
  return places.exec(problem?.field ?? "")?.[1] ?? "";
}

/** The names of the API's answer, a row a step; those of a breakdown after those of all. */
export function funnelTable({ steps, breakdown }: FunnelAnswer, request: FunnelRequest): Cell[][] {
  const bySession = request.by === "session";
  const rows = (value: Cell[], of: readonly FunnelStep[]): Cell[][] =>
    of.map((step, index) => [
      ...value,
      index + 1,
      step.name,
      step.visitors,
      step.rate,
      step.step_rate,
      step.drop_off,
      ...(bySession ? [step.sessions ?? null, step.session_rate ?? null] : []),
    ]);
  const head = ["step", "name", "visitors", "rate", "step_rate", "drop_off", ...(bySession ? ["sessions", "session_rate"] : [])];
  if (!breakdown) return [head, ...rows([], steps)];
  return [[request.breakdown ?? "value", ...head], ...rows([null], steps), ...breakdown.flatMap(({ value, steps: its }) => rows([value], its))];
}

/** Funnels to begin with: from the page that most look at to what the site wants, its goals or else its events. */
export function beginnings(goals: readonly string[], events: readonly string[], page: string | undefined): Step[][] {
  const START_MAX = 3;
  const ends: Step[] = goals.length > 0 ? goals.map((value) => ({ of: "goal", value })) : events.map((value) => ({ of: "event", value }));
  return ends.slice(0, START_MAX).map((end) => (page ? [{ of: "page", value: page }, end] : [end]));
}
