import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { DEFAULT_VIEW, parseView } from "../app/state";
import {
  type Cohort,
  COHORTS_SHOWN_MAX,
  isRunning,
  mostOf,
  PERIODS_SHOWN_MAX,
  type RetentionAnswer,
  retentionRequest,
  retentionTable,
  SHADES,
  shadeOf,
  shownOf,
} from "./retention";

const cohort = (date: string, ...counts: number[]): Cohort => ({
  date,
  visitors: counts[0] ?? 0,
  periods: counts.map((visitors) => ({ visitors, rate: counts[0] ? (100 * visitors) / counts[0] : null })),
});
const answer = (running: string | null, ...cohorts: Cohort[]) => ({ granularity: "week", running, cohorts }) as RetentionAnswer;

test("an address is a question", () => {
  deepEqual(retentionRequest({ website_id: "s", time_range: "30d" }, DEFAULT_VIEW), { website_id: "s", time_range: "30d", granularity: "week" });
  deepEqual(retentionRequest({ website_id: "s" }, parseView("?view=retention&cohort=month&first=event~signup&again=page~/app")), {
    website_id: "s",
    granularity: "month",
    first: { event: "signup" },
    again: { page: "/app" },
  });
});

test("shades go by the largest rate of those who came again; the cohort itself counts for nothing", () => {
  const cohorts = [cohort("2026-11-02", 10, 4, 2), cohort("2026-11-09", 10, 1), cohort("2026-11-16", 0)];
  equal(mostOf(cohorts), 40);
  deepEqual(
    [0, 0.1, 8, 8.1, 20, 40].map((rate) => shadeOf(rate, 40)),
    [0, 1, 1, 2, 3, 5],
  );
  deepEqual([shadeOf(null, 40), shadeOf(0, 0), shadeOf(100, 0), shadeOf(60, 40)], [0, 0, 0, SHADES]);
  equal(mostOf([]), 0);
});

test("what is not over is the last period of every cohort, where one runs", () => {
  const first = cohort("2026-11-16", 5, 1);
  const last = cohort("2026-11-23", 3);
  const running = answer("2026-11-23", first, last);
  deepEqual([isRunning(running, first, 0), isRunning(running, first, 1), isRunning(running, last, 0)], [false, true, true]);
  equal(isRunning(answer(null, first), first, 1), false);
});

test("of very many the latest are drawn, and the file has all", () => {
  const days = Array.from({ length: 365 }, (_, index) => cohort(`day ${index}`, ...Array.from({ length: 365 - index }, () => 1)));
  const all = answer(null, ...days);
  const { cohorts, periods, isCut } = shownOf(all);
  deepEqual([cohorts.length, cohorts[0]?.date, periods, isCut], [COHORTS_SHOWN_MAX, `day ${365 - COHORTS_SHOWN_MAX}`, PERIODS_SHOWN_MAX, true]);
  equal(retentionTable(all).length, 1 + (365 * 366) / 2);
  deepEqual(shownOf(answer(null, cohort("a", 3, 1), cohort("b", 2))), { cohorts: [cohort("a", 3, 1), cohort("b", 2)], periods: 2, isCut: false });
  deepEqual(shownOf(answer(null)), { cohorts: [], periods: 0, isCut: false });
});

test("a file has a row a cohort and period, and nothing for a rate of nobody", () => {
  deepEqual(retentionTable(answer(null, cohort("2026-11-16", 4, 1), cohort("2026-11-23", 0))), [
    ["cohort", "cohort_visitors", "period", "visitors", "rate"],
    ["2026-11-16", 4, 0, 4, 100],
    ["2026-11-16", 4, 1, 1, 25],
    ["2026-11-23", 0, 0, 0, null],
  ]);
});
