import { deepEqual, equal, rejects } from "node:assert/strict";
import test from "node:test";

import { goalRequest, goalRows, goalsQuery, renameGoal } from "./goals";
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
    columns: [...(dimensions ?? []), ...metrics].map((name) => ({ name, type: "", role: "metric" })),
    rows: [
      ["Signup", 8, 4, 7],
      ["Gone", 6, 3, 6],
      ["Bought", 2, 1, 2],
    ],
    totals: { conversion_rate: 7 },
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
});

test("a goal is renamed without a moment without it, whatever kind it is of", async () => {
  const asked: [string, string, unknown][] = [];
  const before = globalThis.fetch;
  let status = 204;
  globalThis.fetch = (async (path: string, { method, body }: RequestInit) => {
    asked.push([method ?? "", path, JSON.parse(String(body))]);
    const error = JSON.stringify({ error: { code: "", message: "the catalog is read-only" } });
    return method === "POST" ? new Response("{}", { status: 201 }) : new Response(status === 204 ? null : error, { status });
  }) as typeof fetch;
  try {
    const unknown = { id: "a/b", name: "Long", engaged_seconds: 60 };
    await renameGoal("my site", unknown, "Read");
    deepEqual(asked, [
      ["POST", "/api/v1/sites/my%20site/goals", { name: "Read", engaged_seconds: 60 }],
      ["DELETE", "/api/v1/sites/my%20site/goals/a%2Fb", {}],
    ]);
    status = 404;
    await renameGoal("s", unknown, "Read");
    status = 500;
    await rejects(renameGoal("s", unknown, "Read"), /'Read' was added, but 'Long' is still there. the catalog is read-only/);
  } finally {
    globalThis.fetch = before;
  }
});
