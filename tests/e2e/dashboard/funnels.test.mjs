// The funnel and retention: what is asked, what stands in the address, where an error stands, and what is shown while an answer is awaited.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";

import { drawn, overflow } from "../browser.mjs";
import { addCondition } from "./condition.mjs";
import { focusIsOn, scenario } from "./harness.mjs";
import { HOSTILE } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const search = (page) => new URL(page.url()).search;
const combobox = (page) => page.getByRole("dialog").locator("[role=combobox]");
const option = (page, name) => page.getByRole("option", { name, exact: true });
const panel = (page, name) => page.getByRole("region", { name, exact: true });
const isIn = (page, text) => page.waitForFunction((part) => location.search.includes(part), text);

/** The names of the reached steps, and their numbers. */
const reached = async (page) => {
  await drawn(page);
  await page.locator(".funnel").waitFor();
  await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
  return page.locator(".funnel > li").evaluateAll((rows) =>
    rows.map((row) => [row.querySelector(".cut").textContent, ...[...row.querySelectorAll("dd")].map(({ textContent }) => textContent)]),
  );
};

scenario("a funnel is built by keyboard alone, kept in the address, and undone by the back button", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=country~is~DE");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Funnel" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Steps" }).waitFor();
  match(await page.title(), /^Funnel \u00b7 Footfall demo/);
  await button(page, "Add a step").focus();
  await page.keyboard.press("Enter");
  await option(page, "/pricing").waitFor();
  deepEqual([fixture.batches.at(-1)[0].filters, fixture.batches.at(-1)[0].time_range], [[["country", "is", ["DE"]]], "7d"], "only what the view has is suggested");
  await page.keyboard.press("Tab");
  await page.keyboard.type("pric");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  equal(search(page), "?view=funnel&range=7d&filter=country~is~DE&step=page~/pricing");
  await focusIsOn(page, "Add a step");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").locator("select").selectOption("goal");
  await option(page, "Signup").click();
  await isIn(page, "step=goal~Signup");
  deepEqual((await reached(page)).map(([name]) => name), ["/pricing", "Signup"]);
  deepEqual(fixture.asked.at(-1), {
    website_id: "demo",
    time_range: "7d",
    filters: [["country", "is", ["DE"]]],
    steps: [{ page: "/pricing" }, { goal: "Signup" }],
    window_seconds: 604_800,
    by: "visitor",
  });
  // The focus goes with the step.
  await button(page, "Move step 2 up").focus();
  await page.keyboard.press("Enter");
  await isIn(page, "step=goal~Signup&step=page~/pricing");
  await focusIsOn(page, "Move step 1 up");
  await page.getByText("Signup is step 1 now.").waitFor();
  await page.keyboard.press("Enter");
  equal(search(page), "?view=funnel&range=7d&filter=country~is~DE&step=goal~Signup&step=page~/pricing", "the first one stays");
  await button(page, "Remove step 2").focus();
  await page.keyboard.press("Enter");
  await button(page, "Remove step 2").waitFor({ state: "detached" });
  await focusIsOn(page, "Remove step 1");
  await page.keyboard.press("Enter");
  await page.locator(".steps").waitFor({ state: "detached" });
  await focusIsOn(page, "Add a step");
  await page.goBack();
  await page.goBack();
  await page.goBack();
  deepEqual((await reached(page)).map(([name]) => name), ["/pricing", "Signup"]);
});

scenario("a step is changed where it is clicked, and anything can be typed but a goal that is not there", async ({ open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=event~signup");
  await reached(page);
  await button(page, "Change step 2: event signup").click();
  await option(page, "download").waitFor();
  equal(await combobox(page).inputValue(), "signup");
  await combobox(page).fill("");
  await button(page, "Change").click();
  await page.getByText("Choose or type one.").waitFor();
  equal(await combobox(page).getAttribute("aria-invalid"), "true");
  await combobox(page).fill(`${HOSTILE} ~!`);
  await page.keyboard.press("Enter");
  await button(page, `Change step 2: event ${HOSTILE} ~!`).waitFor();
  deepEqual((await reached(page))[1][0], `${HOSTILE} ~!`);
  await page.reload();
  deepEqual((await reached(page))[1][0], `${HOSTILE} ~!`, "the address has it to the letter");
  equal(await page.locator("main img, main script").count(), 0);
  equal(await page.locator(".funnel-name").nth(1).getAttribute("title"), `${HOSTILE} ~!`);
});

scenario("a step takes a name and conditions, in the question and the address of every view that has steps", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=event~signup");
  await reached(page);
  await button(page, "Change step 2: event signup").click();
  await button(page, "Name and conditions").focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Name", { exact: true }).waitFor();
  // The focus is where one goes on.
  await page.waitForFunction(() => document.activeElement.placeholder === "signup");
  await page.keyboard.type("Signed up ~!");
  await button(page, "Add a condition").focus();
  await page.keyboard.press("Enter");
  const inner = page.getByRole("dialog", { name: "Add a filter" });
  await addCondition(inner, "country", "germany", { option: "Germany" });
  await inner.waitFor({ state: "detached" });
  // The step is still open.
  await focusIsOn(page, "Add a condition");
  equal(search(page), "?view=funnel&step=page~/&step=event~signup", "nothing is asked before it is whole");
  // A suggestion is chosen, and does not close what is being filled in.
  await combobox(page).fill("down");
  await option(page, "download").click();
  await page.getByRole("dialog", { name: "Change step 2" }).waitFor();
  await button(page, "Add a condition").click();
  await inner.waitFor();
  await page.keyboard.press("Escape");
  await inner.waitFor({ state: "detached" });
  await page.getByRole("dialog", { name: "Change step 2" }).waitFor();
  await button(page, "Change").click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const named = "event~download~name~Signed%20up%20!~!!~if~country!~is!~DE";
  equal(search(page), `?view=funnel&step=page~/&step=${named}`);
  equal((await reached(page))[1][0], "Signed up ~!");
  deepEqual(fixture.asked.at(-1).steps[1], { event: "download", name: "Signed up ~!", filters: [["country", "is", ["DE"]]] });
  const row = button(page, "Change step 2: event Signed up ~!, 1 condition");
  equal(await row.getAttribute("title"), "Signed up ~!: event download, Country is Germany");
  await page.reload();
  await row.click();
  equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Signed up ~!");
  await button(page, "Remove: Country is Germany").click();
  await page.getByLabel("Name", { exact: true }).fill(" ");
  await button(page, "Change").click();
  await isIn(page, "step=event~download");
  equal(search(page), "?view=funnel&step=page~/&step=event~download");

  await page.goto(`/sites/demo?view=retention&first=${named}`);
  await button(page, "Came first by Event Signed up ~! 1 condition").waitFor();
  await page.getByRole("table").waitFor();
  deepEqual(fixture.asked.at(-1).first.filters, [["country", "is", ["DE"]]]);
  await page.goto(`/sites/demo?view=paths&to=${named}`);
  await button(page, "Ending at Event Signed up ~! 1 condition").waitFor();
  await page.locator(".flow").waitFor();
  deepEqual(fixture.asked.at(-1).to.filters, [["country", "is", ["DE"]]]);
});

scenario("who was lost at a step is listed, filters the dashboard, and comes as a file", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=event~signup&breakdown=source");
  await reached(page);
  await page.getByRole("button", { name: /lost before step 2: who$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Lost before step 2" });
  await dialog.getByText("The latest 200 visitors.").waitFor();
  const { dropped_limit, breakdown } = fixture.asked.at(-1);
  deepEqual([dropped_limit, breakdown], [200, undefined]);
  equal(await dialog.locator("tbody tr").count(), 200);
  const [file] = await Promise.all([page.waitForEvent("download"), button(dialog, "Download as CSV").click()]);
  equal(file.suggestedFilename(), "demo-lost-before-step-2-30d.csv");
  await button(dialog, "visitor 2").click();
  await page.waitForFunction(() => decodeURIComponent(location.search).includes("filter=user_id~is~visitor 2"));
});

scenario("window, what is counted and the breakdown are in the question and in the address", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=page~/pricing");
  const before = await reached(page);
  equal(before[0].length, 5);
  await page.getByLabel("Within").selectOption({ label: "30 minutes" });
  await page.getByLabel("Counted by").selectOption("session");
  await page.getByLabel("Broken down by").selectOption({ label: "Country" });
  await isIn(page, "breakdown=country");
  equal(search(page), "?view=funnel&step=page~/&step=page~/pricing&window=30m&per=session&breakdown=country");
  await panel(page, "By country").waitFor();
  equal((await reached(page))[0].length, 6, "sessions, and visitors beside them");
  const { window_seconds, by, breakdown } = fixture.asked.at(-1);
  deepEqual({ window_seconds, by, breakdown }, { window_seconds: 1_800, by: "session", breakdown: "country" });
  const table = panel(page, "By country").getByRole("table");
  equal(await table.getByRole("columnheader").count(), 3);
  await table.getByRole("rowheader", { name: "Germany" }).waitFor();
  equal(await table.locator("td").first().evaluate((cell) => getComputedStyle(cell).textAlign), "end");
});

scenario("an error stands at the step that it is about, or at the choice, and nothing else is shown as an answer", async ({ open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=goal~Singup");
  const wrong = page.locator(".steps > li").nth(1).getByRole("alert");
  await wrong.waitFor();
  equal(await wrong.textContent(), "the site has no goal 'Singup'. Did you mean 'Signup'?");
  const row = button(page, "Change step 2: goal Singup");
  equal(await row.getAttribute("aria-describedby"), await wrong.getAttribute("id"));
  equal(await page.locator(".funnel").count(), 0);
  equal(await page.locator(".steps [role=alert]").count(), 1);
  await row.click();
  await combobox(page).fill("signup");
  await page.keyboard.press("Enter");
  deepEqual((await reached(page)).map(([name]) => name), ["/", "Signup"], "a goal is found by its name in any case");
  equal(await page.getByRole("alert").count(), 0);

  await page.route("**/api/v1/funnel", (route) => {
    const error = { code: "unsupported_filter", field: "steps[0].filters[0][0]", message: "a step has no such condition" };
    return route.fulfill({ status: 400, json: { error } });
  });
  await page.goto("/sites/demo?view=funnel&step=page~/~if~country!~is!~DE");
  await page.locator(".steps > li").first().getByRole("alert").getByText("a step has no such condition").waitFor();
  await page.unroute("**/api/v1/funnel");

  await page.goto("/sites/demo?view=funnel&step=page~/&breakdown=goal");
  await page.getByText("a funnel is broken down by what an event or its session has").waitFor();
  equal(await page.getByLabel("Broken down by").getAttribute("aria-invalid"), "true");

  await page.route("**/api/v1/funnel", (route) => route.fulfill({ status: 503, json: { error: { code: "unavailable", message: "the store is starting" } } }));
  await page.goto("/sites/demo?view=funnel&step=page~/");
  await panel(page, "Funnel").getByRole("alert").getByText("the store is starting").waitFor();
  await page.unroute("**/api/v1/funnel");
  await button(page, "Try again").click();
  await reached(page);
});

scenario("while an answer is awaited the old one is dimmed, and a question that changed is given up", async ({ fixture, open }) => {
  let answer;
  let release = () => undefined;
  fixture.beforeAsked = () => answer;
  answer = new Promise((done) => (release = done));
  const page = await open("/sites/demo?view=funnel&step=page~/&step=page~/pricing");
  await page.locator(".skeleton-rows").waitFor();
  release();
  await reached(page);
  answer = new Promise((done) => (release = done));
  const gone = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/api/v1/funnel"));
  await page.getByLabel("Within").selectOption("1h");
  await page.locator(".funnel-panel .stale").waitFor();
  equal(await page.locator(".funnel > li").count(), 2);
  await page.getByLabel("Within").selectOption("1d");
  equal((await gone).postDataJSON().window_seconds, 3_600);
  release();
  await reached(page);
  equal(fixture.asked.at(-1).window_seconds, 86_400);
});

scenario("without a step the site's goals are offered, or else its events; nobody is told as nobody", async ({ open }) => {
  const page = await open("/sites/demo?view=funnel");
  const offers = page.getByRole("list", { name: "Funnels to begin with" }).getByRole("button");
  await offers.first().click();
  equal(search(page), "?view=funnel&step=page~/&step=goal~Signup");
  await reached(page);
  await page.goto("/sites/blog?view=funnel");
  await offers.first().waitFor();
  deepEqual(await offers.allTextContents(), ["/ \u2192 signup", "/ \u2192 download", "/ \u2192 newsletter: subscribe"]);
  equal(await page.getByRole("button", { name: "Funnel: more" }).count(), 0, "there is nothing to download yet");
  await page.goto("/sites/demo?view=funnel&step=page~/nowhere&filter=country~is~DE");
  await page.getByText("Nobody reached the first step in this period").waitFor();
  await page.getByText("A filter is set").waitFor();
});

scenario("the question of a funnel is shown with its SQL, and its numbers come as a file", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&step=page~/pricing&breakdown=source");
  await reached(page);
  await button(page, "Funnel: more").click();
  await page.getByRole("menuitem", { name: "Show query" }).click();
  await page.getByText("FROM footfall.events").waitFor();
  equal(fixture.asked.at(-1).explain, true);
  match(await page.getByRole("region", { name: "The request, for POST /api/v1/funnel" }).innerText(), /"page": "\/pricing"/);
  await page.keyboard.press("Escape");
  await button(page, "Funnel: more").click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download as CSV" }).click()]);
  equal(file.suggestedFilename(), "demo-funnel-30d.csv");
  const lines = readFileSync(await file.path(), "utf8").trimEnd().split("\r\n");
  equal(lines[0], "source,step,name,visitors,rate,step_rate,drop_off");
  equal(lines[1].slice(0, 5), ",1,/,");
  equal(lines[3].slice(0, 11), "Google,1,/,");
});

scenario("retention is asked by period and steps, and shows rates or visitors", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=12mo");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Retention" }).click();
  const table = page.getByRole("table");
  await table.waitFor();
  deepEqual(fixture.asked.at(-1), { website_id: "demo", time_range: "12mo", granularity: "week" });
  await page.getByLabel("Cohorts by").selectOption("month");
  await table.getByRole("columnheader", { name: "Month 11" }).waitFor();
  equal(await table.getByRole("row").count(), 13);
  const first = table.getByRole("row").nth(1).getByRole("cell");
  equal(await first.nth(1).textContent(), "100\u00a0%");
  match(await first.last().textContent(), /% so far$/, "the last period is not over");
  equal(await first.nth(5).locator(".running").count(), 0);
  await button(page, "Visitors").click();
  await isIn(page, "cells=visitors");
  equal(await first.nth(1).textContent(), await first.nth(0).textContent());
  await button(page, "Came first by Any visit").click();
  await page.getByRole("dialog").locator("select").selectOption("event");
  await option(page, "signup").click();
  await isIn(page, "first=event~signup");
  equal(search(page), "?view=retention&range=12mo&cohort=month&cells=visitors&first=event~signup");
  await page.waitForFunction(() => !document.querySelector(".stale"));
  deepEqual(fixture.asked.at(-1).first, { event: "signup" });
  await page.getByRole("button", { name: "Came first by any visit" }).click();
  equal(search(page), "?view=retention&range=12mo&cohort=month&cells=visitors");
  await page.goto("/sites/demo?view=retention&again=goal~Singup");
  await page.locator("#retention-again-error").getByText("Did you mean 'Signup'?").waitFor();
  equal(await page.getByRole("table").count(), 0);
  await page.goto("/sites/demo?view=retention&range=2024-01-01..2026-11-24&cohort=day");
  await page.getByText("at most 400 cohorts are told").waitFor();
  equal(await page.getByLabel("Cohorts by").getAttribute("aria-invalid"), "true");
  await page.goto("/sites/new?view=retention");
  await page.getByText("Nobody came first in this period").waitFor();
});

scenario("cohorts scroll inside their own box, and their names stay", async ({ open }) => {
  const page = await open("/sites/demo?view=retention&range=12mo", { width: 390, height: 844 });
  const box = panel(page, "Cohorts");
  await box.waitFor();
  await drawn(page);
  equal(await overflow(page), 0);
  const left = () => box.getByRole("rowheader").first().evaluate((cell) => cell.getBoundingClientRect().left);
  const before = await left();
  await box.focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".cohorts-scroll").scrollLeft > 0);
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.querySelector(".cohorts-scroll").scrollLeft === 0);
  equal(search(page), "?view=retention&range=12mo", "the keys scroll, and step to no other period");
  await box.evaluate((scroller) => scroller.scrollBy(2_000, 0));
  ok((await box.evaluate((scroller) => scroller.scrollLeft)) > 1_000);
  equal(await left(), before);
});

scenario("what a view asks goes along to the others, and stays behind with its site", async ({ open }) => {
  const page = await open("/sites/demo?view=funnel&step=page~/&window=1d&range=7d");
  await reached(page);
  await page.getByRole("link", { name: "Retention" }).click();
  await page.getByRole("table").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.locator(".headline-value:not(:has(.skeleton))").first().waitFor();
  await page.getByRole("link", { name: "Funnel", exact: true }).click();
  equal(search(page), "?view=funnel&range=7d&step=page~/&window=1d");
  await reached(page);
  await page.getByRole("button", { name: /^Site:/ }).click();
  await page.getByRole("menuitemradio", { name: "Huge" }).click();
  await page.getByText("A funnel shows how many").waitFor();
  equal(search(page), "?view=funnel&range=7d&window=1d");
});
