import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { DEFAULT_VIEW, parseView } from "../app/state";
import { barsOf, beginnings, BREAKDOWN_MAX, type FunnelAnswer, funnelRequest, type FunnelStep, funnelTable, placeOf, rateText } from "./funnel";
import { stepRequest } from "./step";

const base = { website_id: "s", time_range: "7d", filters: [["country", "is", ["DE"]]] } as const;

test("an address is a question, and without a step there is none", () => {
  equal(funnelRequest(base, DEFAULT_VIEW), undefined);
  deepEqual(funnelRequest(base, parseView("?view=funnel&step=page~/pricing&step=event~sign!~up&step=goal~Bought&window=1h&per=session&breakdown=source")), {
    ...base,
    steps: [{ page: "/pricing" }, { event: "sign~up" }, { goal: "Bought" }],
    window_seconds: 3_600,
    by: "session",
    breakdown: "source",
    limit: BREAKDOWN_MAX,
  });
  deepEqual(funnelRequest({ website_id: "s" }, parseView("?step=page~/")), { website_id: "s", steps: [{ page: "/" }], window_seconds: 604_800, by: "visitor" });
});

test("a step has its name and its conditions, where it has any", () => {
  const { steps } = parseView("?step=event~signup~name~Sign up~if~property:plan!~is!~pro~if~title!~is_set&step=page~/");
  const filters = [
    ["property:plan", "is", ["pro"]],
    ["title", "is_set"],
  ];
  deepEqual(steps.map(stepRequest), [{ event: "signup", name: "Sign up", filters }, { page: "/" }]);
});

const step = (name: string, visitors: number, rest: Partial<FunnelStep> = {}): FunnelStep => ({ name, visitors, rate: 100, step_rate: 100, drop_off: 0, ...rest });

test("bars of visitors are the server's numbers", () => {
  deepEqual(barsOf([step("/", 8), step("buy", 2, { rate: 25, step_rate: 25, drop_off: 6 })], "visitor")[1], {
    name: "buy",
    count: 2,
    visitors: 2,
    ofFirst: 25,
    ofBefore: 25,
    lost: 6,
  });
});

test("bars of sessions are shares of sessions, whatever the visitors are", () => {
  const steps = [step("/", 4, { sessions: 10, session_rate: 100 }), step("a", 3, { sessions: 5, session_rate: 50 }), step("b", 1, { sessions: 1, session_rate: 10 })];
  deepEqual(
    barsOf(steps, "session").map(({ count, visitors, ofFirst, ofBefore, lost }) => [count, visitors, ofFirst, ofBefore, lost]),
    [
      [10, 4, 100, 100, 0],
      [5, 3, 50, 50, 5],
      [1, 1, 10, 20, 4],
    ],
  );
});

test("a share of nobody is unknown, not zero", () => {
  const none = [step("/", 0, { rate: null, step_rate: null, sessions: 0, session_rate: null }), step("a", 0, { rate: null, step_rate: null, sessions: 0, session_rate: null })];
  for (const per of ["visitor", "session"] as const)
    deepEqual(barsOf(none, per).map(({ ofFirst, ofBefore }) => [ofFirst, ofBefore]), [
      [null, null],
      [null, null],
    ]);
});

test("few of very many are not none", () => {
  deepEqual([null, 0, 0.03, 0.06, 12.34, 100].map(rateText), ["\u2013", "0\u00a0%", "<0.1\u00a0%", "0.1\u00a0%", "12.3\u00a0%", "100\u00a0%"]);
});

test("an error stands at the part of the question that it names", () => {
  const at = (field: string) => placeOf({ code: "x", field, message: "y" });
  deepEqual(
    ["steps[0].page", "steps[11]", "steps[1].filters[0][1]", "breakdown", "by", "window_seconds", "first.goal", "first", "again.event"].map(at),
    ["steps[0]", "steps[11]", "steps[1]", "breakdown", "by", "window_seconds", "first", "first", "again"],
  );
  deepEqual(["granularity", "from.goal", "to", "depth", "nodes"].map(at), ["granularity", "from", "to", "depth", "nodes"]);
  for (const field of ["", "steps", "filters[0][1]", "byte", "first_source", "website_id", "steps[x]", "total"]) equal(at(field), "", field);
  equal(placeOf(undefined), "");
  equal(placeOf({ code: "", message: "The server does not answer." }), "");
});

test("a file has the answer's own names, and of a breakdown the value in front", () => {
  const answer = { steps: [step("/", 8)], breakdown: null } as unknown as FunnelAnswer;
  const request = { website_id: "s", steps: [{ page: "/" }], window_seconds: 1, by: "visitor" } as const;
  deepEqual(funnelTable(answer, request), [
    ["step", "name", "visitors", "rate", "step_rate", "drop_off"],
    [1, "/", 8, 100, 100, 0],
  ]);
  const broken = { steps: [step("/", 8, { sessions: 9, session_rate: 100 })], breakdown: [{ value: "", steps: [step("/", 3, { sessions: 4, session_rate: 100 })] }] };
  deepEqual(funnelTable(broken as unknown as FunnelAnswer, { ...request, by: "session", breakdown: "source" }), [
    ["source", "step", "name", "visitors", "rate", "step_rate", "drop_off", "sessions", "session_rate"],
    [null, 1, "/", 8, 100, 100, 0, 9, 100],
    ["", 1, "/", 3, 100, 100, 0, 4, 100],
  ]);
});

test("one may begin with the goals, or with the events where there is none", () => {
  const page = { of: "page", value: "/" };
  deepEqual(beginnings(["Signup"], ["buy"], "/"), [[page, { of: "goal", value: "Signup" }]]);
  deepEqual(beginnings([], ["a", "b", "c", "d"], "/").length, 3);
  deepEqual(beginnings([], ["buy"], undefined), [[{ of: "event", value: "buy" }]]);
  deepEqual(beginnings([], [], "/"), []);
});
