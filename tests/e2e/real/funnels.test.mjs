// What the views of funnel and retention show is what the API answers to the same question, and its errors stand where they belong.
import { deepEqual, equal, ok } from "node:assert/strict";

import { drawn } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { until } from "./server.mjs";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HOSTILE = `<img src=x onerror=pwned=1>"'&amp;~!${"W".repeat(60)}`;

/** Of the last five days: who comes on which, by the number of days ago, and what they do there. */
const VISITS = {
  ann: { 4: ["/", "/pricing", "!signup"], 3: ["/"], 1: ["/"] },
  bob: { 4: ["/?utm_source=news", "/pricing"], 2: ["/pricing"] },
  cy: { 3: ["/?utm_source=news", "!signup"], 0: ["/"] },
  dee: { 3: ["/pricing", "/"], 2: ["/pricing"] },
  eve: { 1: ["/", "/pricing", `!${HOSTILE}`] },
  fay: { 0: [`/${HOSTILE}`] },
};

function eventsOf(site) {
  const noon = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
  let events = 0;
  return Object.entries(VISITS).flatMap(([who, days]) =>
    Object.entries(days).flatMap(([ago, done]) =>
      done.map((what) => {
        // Today's are of its first minutes, which have passed whenever the test runs.
        const start = ago === "0" ? Math.floor(Date.now() / DAY_MS) * DAY_MS : noon - (ago - 1) * DAY_MS;
        const timestamp = ago === "0" ? Math.min(Date.now(), start + (events += 1)) : start + (events += 1) * MINUTE_MS;
        return what.startsWith("!")
          ? { type: "event", tracking_id: site, user_id: who, data: { name: what.slice(1), timestamp } }
          : { type: "pageview", tracking_id: site, user_id: who, data: { page: what, timestamp } };
      }),
    ),
  );
}

/** A site with its visits and a goal. */
async function visited(server, page, call) {
  const { id: site } = await call(page, "/api/v1/sites", { name: "Shop", domain: "shop.example", timezone: "UTC" });
  await call(page, `/api/v1/sites/${site}/goals`, { name: "Signed up", event: "signup" });
  const events = eventsOf(site);
  equal((await server.send(events)).received, events.length);
  await until(
    async () => (await call(page, "/api/v1/query", { website_id: site, metrics: ["events"], time_range: "7d" })).rows[0][0] === events.length,
    "all events are stored",
  );
  return site;
}

const settled = async (page, shown) => {
  await drawn(page);
  await page.locator(shown).waitFor();
  await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
};

const percent = (rate) => (rate === null ? "\u2013" : `${new Intl.NumberFormat("en", { maximumFractionDigits: 1 }).format(rate)}\u00a0%`);
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** As shown: the name, and the numbers as text. */
const shownSteps = (page) =>
  page.locator(".funnel > li").evaluateAll((rows) =>
    rows.map((row) => [row.querySelector(".cut").textContent, ...[...row.querySelectorAll("dd")].map(({ textContent }) => textContent)]),
  );
const expectedSteps = (steps) =>
  steps.map(({ name, visitors, rate, step_rate, drop_off }, index) => [
    name,
    String(visitors),
    percent(rate),
    index === 0 ? "\u2013" : percent(step_rate),
    index === 0 ? "\u2013" : String(drop_off),
  ]);

async function addStep(page, kind, value) {
  await button(page, "Add a step").click();
  await page.getByRole("dialog").locator("select").selectOption(kind);
  await page.getByRole("option", { name: value, exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

scenario("a funnel that is built in the page has the numbers of the API, also after a reload, and an error stands at its step", async ({ server, open, call }) => {
  const page = await open("/account");
  const site = await visited(server, page, call);
  await page.goto(`${server.origin}/sites/${site}?range=7d`);
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Funnel" }).click();
  await button(page, "/ \u2192 Signed up").waitFor();
  await addStep(page, "page", "/");
  await addStep(page, "page", "/pricing");
  await page.getByLabel("Broken down by").selectOption({ label: "Source" });
  await page.locator(".breakdown tbody tr").nth(1).waitFor();
  await settled(page, ".funnel");
  const asked = { website_id: site, time_range: "7d", steps: [{ page: "/" }, { page: "/pricing" }] };
  const answer = await call(page, "/api/v1/funnel", { ...asked, breakdown: "source" });
  deepEqual(answer.steps.map(({ visitors }) => visitors), [5, 4], "the visits are what the test means");
  deepEqual(await shownSteps(page), expectedSteps(answer.steps));
  const search = new URL(page.url()).search;
  equal(search, "?view=funnel&range=7d&step=page~/&step=page~/pricing&breakdown=source");
  await page.reload();
  await settled(page, ".funnel");
  deepEqual(await shownSteps(page), expectedSteps(answer.steps));
  const rows = await page.locator(".breakdown tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map(({ textContent }) => textContent)));
  deepEqual(
    rows,
    answer.breakdown.map(({ value, steps: [first, second] }) => [value || "Direct or unknown", String(first.visitors), `${second.visitors}${percent(second.rate)}`]),
  );

  await page.getByLabel("Within").selectOption({ label: "30 minutes" });
  await page.waitForFunction(() => location.search.includes("window=30m"));
  await settled(page, ".funnel");
  const short = await call(page, "/api/v1/funnel", { ...asked, window_seconds: 1_800 });
  ok(short.steps[1].visitors < answer.steps[1].visitors);
  deepEqual(await shownSteps(page), expectedSteps(short.steps));

  await page.getByLabel("Counted by").selectOption("session");
  await page.locator(".funnel dt", { hasText: "Sessions" }).first().waitFor();
  await settled(page, ".funnel");
  const { steps } = await call(page, "/api/v1/funnel", { ...asked, window_seconds: 1_800, by: "session" });
  deepEqual(
    (await shownSteps(page)).map(([name, sessions, rate]) => [name, sessions, rate]),
    steps.map(({ name, sessions, session_rate }) => [name, String(sessions), percent(session_rate)]),
  );

  // What a visitor sent is a step as it is.
  await page.goto(`${server.origin}/sites/${site}?view=funnel&range=7d&step=page~/`);
  await settled(page, ".funnel");
  await addStep(page, "event", HOSTILE);
  await page.locator(".funnel > li").nth(1).waitFor();
  await settled(page, ".funnel");
  const hostile = await call(page, "/api/v1/funnel", { ...asked, steps: [{ page: "/" }, { event: HOSTILE }] });
  equal(hostile.steps[1].visitors, 1);
  deepEqual(await shownSteps(page), expectedSteps(hostile.steps));
  equal(await page.evaluate(() => globalThis.pwned), undefined);
  equal(await page.locator("main img").count(), 0);

  await page.goto(`${server.origin}/sites/${site}?view=funnel&range=7d&step=page~/&step=goal~Signed%20upp&step=event~signup`);
  const refused = await call(page, "/api/v1/funnel", { ...asked, steps: [{ page: "/" }, { goal: "Signed upp" }] });
  equal(refused.error.field, "steps[1].goal");
  const alert = page.locator(".steps > li").nth(1).getByRole("alert");
  await alert.waitFor();
  equal(await alert.textContent(), `${refused.error.message}. Did you mean 'Signed up'?`);
  equal(await page.locator("main [role=alert]").count(), 1);
  await button(page, "Change step 2: goal Signed upp").click();
  await page.getByRole("dialog").getByRole("option", { name: "Signed up" }).or(page.getByRole("dialog").locator("[role=combobox]")).first().waitFor();
  await page.getByRole("dialog").locator("[role=combobox]").fill("signed up");
  await page.keyboard.press("Enter");
  await settled(page, ".funnel");
  deepEqual(
    await shownSteps(page),
    expectedSteps((await call(page, "/api/v1/funnel", { ...asked, steps: [{ page: "/" }, { goal: "Signed up" }, { event: "signup" }] })).steps),
  );
  await button(page, "Funnel: more").click();
  await page.getByRole("menuitem", { name: "Show query" }).click();
  await page.getByRole("region", { name: "The SQL of this query" }).getByText("SELECT").first().waitFor();
});

scenario("the table of retention is the answer of the API, by day and by steps", async ({ server, open, call }) => {
  const page = await open("/account");
  const site = await visited(server, page, call);
  const table = async () => {
    await settled(page, ".cohorts");
    return page.locator(".cohorts tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].slice(1).map(({ textContent }) => textContent)));
  };
  const expected = ({ cohorts, running }, cell) =>
    cohorts.map(({ visitors, periods }) => [
      String(visitors),
      ...periods.map((period, index) => cell(period) + (running && index === periods.length - 1 ? " so far" : "")),
      ...Array.from({ length: cohorts.length - periods.length }, () => ""),
    ]);
  const asked = { website_id: site, time_range: "7d", granularity: "day" };
  await page.goto(`${server.origin}/sites/${site}?view=retention&range=7d&cohort=day`);
  const answer = await call(page, "/api/v1/retention", asked);
  equal(answer.cohorts.reduce((sum, { visitors }) => sum + visitors, 0), Object.keys(VISITS).length);
  ok(answer.running);
  deepEqual(await table(), expected(answer, ({ rate }) => percent(rate)));
  await button(page, "Visitors").click();
  deepEqual(await table(), expected(answer, ({ visitors }) => String(visitors)));

  await page.goto(`${server.origin}/sites/${site}?view=retention&range=7d&cohort=day&first=page~/&again=page~/pricing&cells=visitors`);
  const bySteps = await call(page, "/api/v1/retention", { ...asked, first: { page: "/" }, again: { page: "/pricing" } });
  ok(JSON.stringify(bySteps.cohorts) !== JSON.stringify(answer.cohorts));
  deepEqual(await table(), expected(bySteps, ({ visitors }) => String(visitors)));

  await page.goto(`${server.origin}/sites/${site}?view=retention&first=goal~nothing`);
  await page.locator("#retention-first-error").waitFor();
  equal(await page.locator(".cohorts").count(), 0);
});
