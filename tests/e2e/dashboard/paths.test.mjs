// Paths: what is asked, what stands in the address, what a node leads to, and that chart, list and table say the same.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";

import { drawn } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { HOSTILE } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const search = (page) => new URL(page.url()).search;
const step = (page, name) => page.getByRole("list", { name, exact: true }).getByRole("button");
const isIn = (page, text) => page.waitForFunction((part) => location.search.includes(part), text);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);

async function flowed(page) {
  await drawn(page);
  await page.locator(".flow, .flow-list, .flow-table").waitFor();
  await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
}

scenario("paths are asked by their two ends and choices, all of which stand in the address", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=country~is~DE");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Paths" }).click();
  await flowed(page);
  match(await page.title(), /^Paths \u00b7 Footfall demo/);
  const asked = { website_id: "demo", time_range: "7d", filters: [["country", "is", ["DE"]]] };
  const choices = { depth: 5, nodes: "pages", collapse: true, limit: 8, paths_limit: 20 };
  deepEqual(fixture.asked.at(-1), { ...asked, ...choices });
  await page.getByLabel("Steps").selectOption("3");
  await page.getByLabel("Branches").selectOption("5");
  await page.getByLabel("Through").selectOption({ label: "Pages and events" });
  await page.getByLabel("Repeats").selectOption({ label: "Count each" });
  await button(page, "Starting at Any start").click();
  await page.getByRole("option", { name: "/pricing", exact: true }).click();
  await isIn(page, "from=page~/pricing");
  await flowed(page);
  equal(search(page), "?view=paths&range=7d&filter=country~is~DE&from=page~/pricing&depth=3&branches=5&nodes=both&repeats=keep");
  deepEqual(fixture.asked.at(-1), { ...asked, ...choices, from: { page: "/pricing" }, depth: 3, limit: 5, nodes: "both", collapse: false });
  equal(await step(page, "Start").count(), 1);
  equal(await step(page, "Step 3").count(), 6, "five branches and all others");

  // Only one of the two ends is asked for.
  await button(page, "Ending at Any end").click();
  await page.getByRole("dialog").locator("select").selectOption("event");
  await page.getByRole("option", { name: "signup", exact: true }).click();
  await isIn(page, "to=event~signup");
  await flowed(page);
  equal(search(page).includes("from="), false);
  deepEqual([fixture.asked.at(-1).to, fixture.asked.at(-1).from], [{ event: "signup" }, undefined]);
  deepEqual(await page.locator(".flow h3").allTextContents(), ["2 steps before", "1 step before", "End"], "read in the order of time");
  await page.getByRole("button", { name: "Ending at any end" }).click();
  await flowed(page);
  equal(search(page), "?view=paths&range=7d&filter=country~is~DE&depth=3&branches=5&nodes=both&repeats=keep");
  equal(await focused(page), "paths-to");
  await page.goBack();
  await isIn(page, "to=event~signup");
});

scenario("a node says what is known of it, and the paths start or end there, by keyboard alone", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=paths");
  await flowed(page);
  const node = step(page, "Step 2").nth(1);
  const text = await node.innerText();
  match(text, /^\/pricing\n133[\s\S]*9\.6\u00a0%\n56 left/);
  await node.focus();
  ok((await page.locator(".flow-band.on").count()) > 3, "its bands are marked");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "/pricing" });
  await dialog.getByText("133, 9.6\u00a0% of all").waitFor();
  const from = await dialog.locator("table", { hasText: "Came from" }).locator("tbody td:nth-child(2)").allTextContents();
  equal(from.reduce((sum, count) => sum + Number(count), 0), 133, "all came from somewhere");
  const to = await dialog.locator("table", { hasText: "Went on to" }).locator("tbody td:nth-child(2)").allTextContents();
  equal(to.reduce((sum, count) => sum + Number(count), 0) + 56, 133, "and all others than those who left went on");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  match(await focused(page), /^\/pricing/, "the focus comes back");
  await page.keyboard.press("Enter");
  await button(page, "Paths that start here").focus();
  await page.keyboard.press("Enter");
  await isIn(page, "from=page~/pricing");
  await flowed(page);
  deepEqual(fixture.asked.at(-1).from, { page: "/pricing" });
  equal(await step(page, "Start").count(), 1);
  await step(page, "Step 2").first().click();
  await button(page, "Paths that end here").click();
  await isIn(page, "to=page");
  equal(search(page).includes("from="), false);
  await flowed(page);
  match(await page.getByRole("region", { name: "Paths", exact: true }).locator(".panel-body").getByRole("status").textContent(), /began with it\.$/);
  await page.goto("/sites/demo?view=paths&branches=3");
  await flowed(page);
  await step(page, "Step 2").last().click();
  await page.getByRole("dialog", { name: "All others" }).waitFor();
  equal(await button(page, "Paths that start here").count(), 0, "all others are no step");
});

scenario("chart, list and table have the same numbers", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=paths&depth=3&nodes=both");
  await flowed(page);
  const numberOf = (text) => Number(text.replace(",", ""));
  const sessionsOf = async (locator) => (await locator.allTextContents()).map(numberOf);
  const drawnNumbers = await sessionsOf(page.locator(".flow-node b"));
  equal(drawnNumbers.length, 27);
  await button(page, "Table").click();
  await isIn(page, "flow=table");
  const asked = fixture.asked.length;
  deepEqual(await sessionsOf(page.locator(".flow-table td:nth-child(3)")), drawnNumbers);
  await page.reload();
  await page.locator(".flow-table").waitFor();
  await button(page, "Flow").click();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator(".flow-list").waitFor();
  const listed = await page.locator(".flow-row > :last-child").evaluateAll((all) => all.map(({ firstChild }) => firstChild.textContent));
  deepEqual(listed.map(numberOf), drawnNumbers);
  equal(fixture.asked.length, asked + 1, "only the reload asked again");
  await step(page, "Step 2").first().click();
  await button(page, "Paths that end here").click();
  await isIn(page, "to=");
});

scenario("what visitors sent is text, in every part of the view", async ({ fixture, open }) => {
  fixture.change = (given) => {
    if (!given.paths) return given;
    const name = (node) => (node.value === "/" ? { ...node, value: HOSTILE } : node);
    const named = (one) => ({ ...one, nodes: one.nodes.map(name) });
    return { ...given, steps: given.steps.map(named), paths: given.paths.map(named) };
  };
  const page = await open("/sites/demo?view=paths");
  await flowed(page);
  equal(await step(page, "Start").first().getAttribute("title"), HOSTILE);
  equal(await page.locator(".whole-paths th").nth(3).textContent(), HOSTILE);
  await step(page, "Start").first().click();
  await page.getByRole("dialog", { name: HOSTILE }).waitFor();
  await button(page, "Paths that start here").click();
  await flowed(page);
  equal(fixture.asked.at(-1).from.page, HOSTILE);
  await button(page, "Table").click();
  await page.locator(".flow-table").waitFor();
  equal(await page.locator("main img, main script").count(), 0);
});

scenario("errors stand where they belong, and nothing is told as nothing", async ({ open }) => {
  const page = await open("/sites/demo?view=paths&from=goal~Singup");
  await page.locator("#paths-from-error").getByText("Did you mean 'Signup'?").waitFor();
  await page.getByText("Paths could not be counted").waitFor();
  equal(await page.locator(".flow, .whole-paths").count(), 0);
  await page.goto("/sites/demo?view=paths&from=page~/nowhere&filter=country~is~DE");
  await page.getByText("No session reached that step in this period").waitFor();
  await page.getByText("A filter is set").waitFor();
  const error = { code: "too_large", message: "ask for a shorter range, or with filters" };
  await page.route("**/api/v1/paths", (route) => route.fulfill({ status: 413, json: { error } }));
  await page.goto("/sites/demo?view=paths");
  await page.getByRole("alert").getByText("ask for a shorter range").waitFor();
  await page.unroute("**/api/v1/paths");
  await button(page, "Try again").click();
  await flowed(page);
});

scenario("the question of paths is shown with its SQL, and its numbers come as files", async ({ open }) => {
  const page = await open("/sites/demo?view=paths&to=page~/pricing");
  await flowed(page);
  await button(page, "Paths: more").click();
  await page.getByRole("menuitem", { name: "Show query" }).click();
  await page.getByText("FROM footfall.events").waitFor();
  match(await page.getByRole("region", { name: "The request, for POST /api/v1/paths" }).innerText(), /"page": "\/pricing"/);
  await page.keyboard.press("Escape");
  const saved = async (panel, item) => {
    await button(page, `${panel}: more`).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item }).click()]);
    return [file.suggestedFilename(), readFileSync(await file.path(), "utf8").split("\r\n")];
  };
  const [stepsName, steps] = await saved("Paths", "Download steps as CSV");
  equal(stepsName, "demo-path-steps-30d.csv");
  deepEqual(steps.slice(0, 2), ["depth,value,kind,is_other,sessions,ended", "1,/pricing,page,false,1389,517"]);
  const [, links] = await saved("Paths", "Download links as CSV");
  match(links[1], /^1,\/pricing,page,\/,page,\d+$/);
  const [pathsName, paths] = await saved("Most frequent paths", "Download as CSV");
  equal(pathsName, "demo-paths-30d.csv");
  equal(paths[0], "sessions,rate,node_1,node_2,node_3,node_4,node_5");
});
