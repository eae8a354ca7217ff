import { deepEqual, equal, rejects } from "node:assert/strict";
import test from "node:test";

import type { Goal } from "./api";
import { formOf, goalRequest, goalRows, goalsQuery, renameGoal, saveGoal } from "./goals";
import type { Answer } from "./query";

const goal = (name: string) => ({ id: name, name, event: name.toLowerCase(), match: "is" });

test("a goal is asked for by its kind, with conditions where it has any", () => {
  deepEqual(goalRequest({ name: "Bought", kind: "page", match: "contains", value: "/thanks", filters: [] }), {
    name: "Bought",
    page: "/thanks",
    match: "contains",
  });
  const filters = [{ dimension: "property:plan", operator: "is", values: ["pro"] }] as const;
  deepEqual(goalRequest({ name: "Pro", kind: "event", match: "is", value: "signup", filters }), {
    name: "Pro",
    event: "signup",
    match: "is",
    filters: [["property:plan", "is", ["pro"]]],
  });
});

test("every goal has a row, most conversions first, also one that nobody met, and none that is gone", () => {
  const { metrics, dimensions } = goalsQuery({ website_id: "s", metrics: [] });
  const answer = {
    columns: [...(dimensions ?? []), ...metrics].map((name) => ({ name, type: "", role: metrics.includes(name) ? "metric" : "dimension" })),
    rows: [
      ["Signup", 8, 4, 7],
      ["Gone", 6, 3, 6],
      ["Bought", 2, 1, 2],
    ],
    totals: { conversion_rate: 7 },
    meta: { sample_rate: 1, confidence: null },
  } as unknown as Answer;
  const rows = goalRows([goal("Zero"), goal("Bought"), goal("Signup"), goal("Also zero")], answer);
  deepEqual(
    rows.map(({ goal: { name }, conversions, rate, visitors }) => [name, conversions, rate, visitors]),
    [
      ["Signup", 8, 4, 7],
      ["Bought", 2, 1, 2],
      ["Also zero", 0, 0, 0],
      ["Zero", 0, 0, 0],
    ],
  );
  const [none] = goalRows([goal("Zero")], { ...answer, rows: [], totals: { conversion_rate: null } });
  equal(none?.rate, null, "of no session there is no rate");
  deepEqual(rows[0]?.sureness, { conversions: undefined, rate: undefined, visitors: undefined }, "what is counted is sure");

  const confidence = { level: 0.95, rows: [[[6, 10], null, [5, 9]], [null, null, null], [[1, 3], [0.5, 1.5], null]], totals: null };
  const estimated = goalRows([goal("Zero"), goal("Bought"), goal("Signup")], { ...answer, meta: { ...answer.meta, sample_rate: 0.1, confidence } } as Answer);
  deepEqual(
    estimated.map(({ goal: { name }, sureness }) => [name, sureness.conversions, sureness.rate, sureness.visitors]),
    [
      ["Signup", [6, 10], null, [5, 9]],
      ["Bought", [1, 3], [0.5, 1.5], null],
      ["Zero", null, null, null],
    ],
  );

  const ofSketches = { level: 0.95, rows: [[[8, 8], [4, 4], [984, 1016]], [[6, 6], [3, 3], [6, 6]], [[2, 2], [1, 1], [2, 2]]], totals: null };
  const sketched = goalRows([goal("Zero"), goal("Signup")], { ...answer, meta: { ...answer.meta, confidence: ofSketches } } as unknown as Answer);
  deepEqual(
    sketched.map(({ sureness: { conversions, rate: ofRate, visitors } }) => [conversions, ofRate, visitors]),
    [
      [undefined, undefined, [984, 1016]],
      [undefined, undefined, undefined],
    ],
    "sessions are counted",
  );
});

test("a goal is renamed in place, whatever kind it is of, and added without an id", async () => {
  const asked: [string, string, unknown][] = [];
  const before = globalThis.fetch;
  globalThis.fetch = (async (path: string, { method, body }: RequestInit) => {
    asked.push([method ?? "", path, JSON.parse(String(body))]);
    return path.endsWith("/full") ? Response.json({ error: { code: "", message: "the catalog is read-only" } }, { status: 500 }) : Response.json({});
  }) as typeof fetch;
  try {
    const unknown = { id: "a/b", name: "Long", engaged_seconds: 60, filters: [["mood", "resembles", ["good"]]] } as unknown as Goal;
    await renameGoal("my site", unknown, "Read");
    await saveGoal("my site", { name: "Read" });
    deepEqual(asked, [
      ["PUT", "/api/v1/sites/my%20site/goals/a%2Fb", { name: "Read", engaged_seconds: 60, filters: [["mood", "resembles", ["good"]]] }],
      ["POST", "/api/v1/sites/my%20site/goals", { name: "Read" }],
    ]);
    await rejects(renameGoal("s", { ...unknown, id: "full" }, "Read"), /the catalog is read-only/);
  } finally {
    globalThis.fetch = before;
  }
});

test("the form has a goal as it was declared, and none that it could not give back whole", () => {
  const filters = [["country", "is", "DE"]] as unknown as NonNullable<Goal["filters"]>;
  const conditions = [{ dimension: "country", operator: "is", values: ["DE"] }];
  deepEqual(formOf({ id: "a", name: "Read", page: "/blog/", match: "contains", filters }), { name: "Read", kind: "page", match: "contains", value: "/blog/", filters: conditions });
  deepEqual(formOf({ id: "a", name: "Any", event: "", match: "any", filters }), { name: "Any", kind: "event", match: "any", value: "", filters: conditions });
  deepEqual(formOf({ id: "a", name: "Home", page: "/" }), { name: "Home", kind: "page", match: "is", value: "/", filters: [] });
  for (const unknown of [{ engaged_seconds: 60 }, { page: "/", match: "resembles" }, { page: "/", filters: [["mood", "resembles", ["good"]]] }])
    equal(formOf({ id: "a", name: "x", ...unknown } as unknown as Goal), undefined, JSON.stringify(unknown));
});
