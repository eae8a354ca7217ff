// Goals: their numbers, what they lead to, and how they are added, renamed and deleted by those who may.
import { deepEqual, equal, match } from "node:assert/strict";
import { readFileSync } from "node:fs";

import { drawn } from "../browser.mjs";
import { sampled } from "./answers.mjs";
import { addCondition } from "./condition.mjs";
import { scenario } from "./harness.mjs";
import { HOSTILE } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const search = (page) => new URL(page.url()).search;
const isIn = (page, text) => page.waitForFunction((part) => location.search.includes(part), text);
const goals = { path: "/sites/demo?view=goals" };

const rows = async (page) => {
  await drawn(page);
  await page.locator(".goals").waitFor();
  await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
  const cells = (all) => all.map((row) => [...row.querySelectorAll("th button, td:not(.goal-menu)")].map(({ textContent }) => textContent));
  return page.locator(".goals tbody tr").evaluateAll(cells);
};

const take = async (page, goal, item) => {
  await button(page, `${goal}: more`).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
};

scenario("an estimate of conversions says so of each number, and how far off it may be to whoever is at the row", async ({ fixture, open }) => {
  fixture.change = (answer, query) =>
    query.dimensions?.[0] === "goal" ? sampled({ ...answer, rows: [["Signup", 5_000, 12.5, 20]], totals: { conversions: 5_000, conversion_rate: 12.5 } }) : answer;
  const page = await open(goals.path);
  await rows(page);
  const table = page.getByRole("table", { name: "Goals: Estimated from 10\u00a0% of the visitors" });
  await page.getByText("About 5,000 sessions met a goal").waitFor();
  const few = "too few visitors in the sample to say how far off";
  const titles = (row) => table.locator("tbody tr").nth(row).locator("td.estimate").evaluateAll((cells) => cells.map(({ title }) => title));
  deepEqual(await titles(0), ["5,000; 95\u00a0% sure: 4,500 to 5,500", `20; ${few}`, `12.5\u00a0%; ${few}`]);
  deepEqual(await titles(1), [`0; ${few}`, `0; ${few}`, `0\u00a0%; ${few}`], "that the sample has nobody says little");
  const cell = table.locator("tbody tr").first().locator("td").first();
  equal(await cell.locator(".visually-hidden").textContent(), ", 95\u00a0% sure: 4,500 to 5,500");
  const off = cell.locator(".estimate-error");
  equal(await off.isVisible(), false);
  const place = await table.boundingBox();
  await button(page, "Signup").focus();
  equal(await off.innerText(), "\u00b1\u00a0500");
  deepEqual(await table.boundingBox(), place);
  fixture.change = (answer) => answer;
  await page.reload();
  await rows(page);
  equal(await page.locator(".estimate").count(), 0, "what is counted is no estimate");
});

scenario("every goal has its conversions in the view, and leads to a filter, a funnel and paths", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=country~is~DE");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Goals" }).click();
  const shown = await rows(page);
  deepEqual(
    shown.map(([name]) => name),
    ["Newsletter", "Signup", "Contacted us through the form at the end of a very long page about prices"],
  );
  deepEqual(shown[2].slice(1), ["0", "0", "0\u00a0%"], "nobody met it, and it is there");
  match(await page.title(), /^Goals \u00b7 Footfall demo/);
  const asked = fixture.batches.at(-1)[0];
  deepEqual([asked.dimensions, asked.filters, asked.time_range], [["goal"], [["country", "is", ["DE"]]], "7d"]);
  await button(page, "Signup").click();
  await isIn(page, "filter=goal~is~Signup");
  equal(search(page), "?range=7d&filter=country~is~DE&filter=goal~is~Signup");
  await page.goBack();
  await rows(page);
  await take(page, "Signup", "Funnel to this goal");
  await isIn(page, "view=funnel");
  equal(search(page), "?view=funnel&range=7d&filter=country~is~DE&step=page~/&step=goal~Signup");
  await page.locator(".funnel").waitFor();
  await page.goto(goals.path);
  await rows(page);
  await take(page, "Newsletter", "Paths to this goal");
  await isIn(page, "to=goal~Newsletter");
  await page.locator(".flow").waitFor();
  deepEqual(fixture.asked.at(-1).to, { goal: "Newsletter" });
});

scenario("a goal is added by keyboard, with what is wrong at its field, and is there with its numbers", async ({ fixture, open }) => {
  const page = await open(goals.path, { role: "editor" });
  await rows(page);
  await button(page, "Add a goal").focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Add a goal" });
  await dialog.waitFor();
  await drawn(page);
  equal(await page.evaluate(() => document.activeElement.name), "name", "the name has the focus");
  await page.keyboard.type("Signup");
  await button(page, "Add").click();
  await dialog.getByText("Choose or type one.").waitFor();
  equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "combobox");
  await dialog.getByLabel("Match").selectOption("matches");
  await page.getByRole("combobox", { name: "Page", exact: true }).fill("/thanks(");
  await page.keyboard.press("Enter");
  await dialog.getByText("the site has a goal 'Signup' already").waitFor();
  await dialog.getByLabel("Name").fill("Thanked");
  await button(page, "Add").click();
  await dialog.getByText("missing ): this is no pattern").waitFor();
  equal(await page.getByRole("combobox", { name: "Page", exact: true }).getAttribute("aria-invalid"), "true");
  await dialog.getByLabel("Match").selectOption("contains");
  await page.getByRole("combobox", { name: "Page", exact: true }).fill("/thanks");
  await button(page, "Add a condition").click();
  const inner = page.getByRole("dialog", { name: "Add a filter" });
  await addCondition(inner, "country", "germany", { option: "Germany" });
  await inner.waitFor({ state: "detached" });
  await button(page, "Add").click();
  await dialog.waitFor({ state: "detached" });
  await button(page, "Thanked").waitFor();
  const added = { name: "Thanked", page: "/thanks", match: "contains", filters: [["country", "is", ["DE"]]] };
  deepEqual(fixture.goalChanges.at(-1), ["POST", added]);
  await page.getByText("Page contains /thanks, Country is Germany").waitFor();
  equal(await page.evaluate(() => document.activeElement.textContent), "Add a goal", "the focus comes back");
});

scenario("a goal of any page is said by its conditions", async ({ fixture, open }) => {
  const page = await open(goals.path, { role: "editor" });
  await rows(page);
  await button(page, "Add a goal").click();
  const dialog = page.getByRole("dialog", { name: "Add a goal" });
  await dialog.getByLabel("Name").fill("To the end");
  await dialog.getByLabel("Match").selectOption("any");
  equal(await page.getByRole("combobox", { name: "Page", exact: true }).count(), 0);
  await button(page, "Add").click();
  await dialog.getByText("Say by a condition which page it is.").waitFor();
  await button(page, "Add a condition").click();
  const inner = page.getByRole("dialog", { name: "Add a filter" });
  await addCondition(inner, "scroll percent", "90");
  await inner.waitFor({ state: "detached" });
  await button(page, "Add").click();
  await dialog.waitFor({ state: "detached" });
  deepEqual(fixture.goalChanges.at(-1), ["POST", { name: "To the end", page: "", match: "any", filters: [["scroll_percent", "gt", ["90"]]] }]);
  await page.getByText("Any page, Scroll percent is above 90").waitFor();
});

scenario("a goal is renamed with all that it is, and deleted after a question", async ({ fixture, open }) => {
  fixture.goals.demo[0].filters = [["or", [["country", "is", ["DE"]], ["page", "matches", ["^/x"]]]]];
  const { filters } = fixture.goals.demo[0];
  const page = await open(goals.path);
  await rows(page);
  await take(page, "Signup", "Rename");
  const dialog = page.getByRole("dialog", { name: "Rename Signup" });
  equal(await dialog.getByLabel("Name").inputValue(), "Signup");
  await dialog.getByLabel("Name").fill("Newsletter");
  await page.keyboard.press("Enter");
  await dialog.getByText("the site has a goal 'Newsletter' already").waitFor();
  await dialog.getByLabel("Name").fill(HOSTILE);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await button(page, HOSTILE).waitFor();
  const renamed = { name: HOSTILE, event: "signup", match: "is", filters };
  deepEqual(fixture.goalChanges, [["PUT", "goal0", { ...renamed, name: "Newsletter" }], ["PUT", "goal0", renamed]], "it keeps its id");
  equal(await button(page, "Signup").count(), 0);
  equal(await page.locator("main img, main script").count(), 0);
  await take(page, "Newsletter", "Delete");
  await page.getByRole("dialog", { name: "Delete Newsletter?" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  equal((await rows(page)).length, 3, "nothing is deleted by leaving");
  await take(page, "Newsletter", "Delete");
  await page.getByRole("dialog", { name: "Delete Newsletter?" }).getByRole("button", { name: "Delete" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".goals tbody tr").length === 2);
  deepEqual(fixture.goalChanges.at(-1), ["DELETE", "goal1"]);
});

scenario("a goal is changed in the form that adds one, also where the site has all that it may have, and what the form has not is left alone", async ({ fixture, open }) => {
  const [signup, newsletter] = fixture.goals.demo;
  Object.assign(signup, { match: "contains", filters: [["country", "is", "DE"], ["or", ["page", "is", "/a"], ["page", "is", "/b"]]] });
  Object.assign(newsletter, { filters: [["mood", "resembles", ["good"]]] });
  for (let number = fixture.goals.demo.length; number < 50; number += 1)
    fixture.goals.demo.push({ id: `more${number}`, name: `More ${number}`, page: `/${number}`, match: "is", filters: [] });
  const page = await open(goals.path, { role: "editor" });
  await rows(page);
  equal(await button(page, "Add a goal").getAttribute("aria-disabled"), "true");
  await button(page, "Newsletter: more").click();
  deepEqual(await page.getByRole("menuitem").allTextContents(), ["Funnel to this goal", "Paths to this goal", "Rename", "Delete"]);
  await page.keyboard.press("Escape");
  await take(page, "Signup", "Change");
  const dialog = page.getByRole("dialog", { name: "Change Signup" });
  await dialog.waitFor();
  equal(await dialog.getByLabel("Name").inputValue(), "Signup");
  equal(await dialog.getByLabel("Met by").inputValue(), "event");
  equal(await dialog.getByLabel("Match").inputValue(), "contains");
  equal(await page.getByRole("combobox", { name: "Event", exact: true }).inputValue(), "signup");
  deepEqual(await dialog.getByRole("list", { name: "Conditions" }).locator(".token-text").allTextContents(), ["Country is Germany", "any of: Page is /a; Page is /b"]);
  await button(dialog, "Remove: Country is Germany").click();
  await dialog.getByLabel("Name").fill("More 7");
  await button(dialog, "Change").click();
  await dialog.getByText("the site has a goal 'More 7' already").waitFor();
  await dialog.getByLabel("Name").fill("Signup");
  await dialog.getByLabel("Match").selectOption("is");
  await button(dialog, "Change").click();
  await dialog.waitFor({ state: "detached" });
  const changed = { name: "Signup", event: "signup", match: "is", filters: [["or", [["page", "is", ["/a"]], ["page", "is", ["/b"]]]]] };
  deepEqual(fixture.goalChanges.at(-1), ["PUT", "goal0", changed]);
  await page.getByText("Event is signup, any of").waitFor();
});

scenario("a viewer sees goals and nothing that changes them; without a goal it is said who may", async ({ fixture, open }) => {
  const page = await open(goals.path, { role: "viewer" });
  await rows(page);
  equal(await button(page, "Add a goal").count(), 0);
  await button(page, "Signup: more").click();
  deepEqual(await page.getByRole("menuitem").allTextContents(), ["Funnel to this goal", "Paths to this goal"]);
  await page.goto("/sites/blog?view=goals");
  await page.getByText("This site has no goals").waitFor();
  await page.getByText("you are a viewer").waitFor();
  const other = await open("/sites/blog?view=goals");
  await button(other, "Add a goal").waitFor();
  equal(await other.getByText("you are a viewer").count(), 0);
  deepEqual(fixture.goalChanges, []);
});

scenario("goals that did not come are told, their question is shown, and their numbers come as a file", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  const error = { code: "unavailable", message: "the store is starting" };
  await page.route("**/goals", (route) => route.fulfill({ status: 503, json: { error } }));
  await page.goto(goals.path);
  await page.getByRole("alert").getByText("the store is starting").waitFor();
  await page.unroute("**/goals");
  await button(page, "Try again").click();
  await rows(page);
  await button(page, "Goals: more").click();
  await page.getByRole("menuitem", { name: "Show query" }).click();
  await page.getByText("FROM footfall.events").waitFor();
  await page.keyboard.press("Escape");
  await button(page, "Goals: more").click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download as CSV" }).click()]);
  equal(file.suggestedFilename(), "demo-goals-30d.csv");
  equal(readFileSync(await file.path(), "utf8").split("\r\n")[0], "goal,conversions,conversion_rate,converted_visitors");
  deepEqual(fixture.csvs.at(-1).dimensions, ["goal"]);
});
