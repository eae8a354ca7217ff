// The filter dialog: what it asks, what it suggests, and what stands in the address afterwards.
import { deepEqual, equal, ok } from "node:assert/strict";

import { drawn, settled } from "../browser.mjs";
import { addCondition } from "./condition.mjs";
import { focusIsOn, scenario } from "./harness.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const search = (page) => new URL(page.url()).search;
const field = (page) => page.getByRole("combobox", { name: /^(Value|Or)$/ });
const option = (page, name) => page.getByRole("option", { name, exact: true });

scenario("a filter of several values is made by keyboard alone, from what the site has", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=source~is~Google");
  await settled(page);
  await button(page, "Filter").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("combobox", { name: "Filter by" }).waitFor();
  equal(await page.evaluate(() => document.activeElement.labels?.[0]?.textContent), "Filter by");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("countr");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await page.getByRole("combobox", { name: "Filter by" }).inputValue(), "Country");
  await field(page).focus();
  await option(page, "Germany").waitFor();
  const { filters, time_range } = fixture.batches.at(-1)[0];
  deepEqual([filters, time_range], [[["source", "is", ["Google"]]], "7d"], "only what the view has is suggested");
  await page.keyboard.type("germ");
  await page.keyboard.press("ArrowDown");
  equal(await field(page).getAttribute("aria-activedescendant"), await option(page, "Germany").getAttribute("id"));
  await page.keyboard.press("Enter");
  await page.keyboard.type("france");
  await page.keyboard.press("Enter");
  await page.getByRole("list", { name: "Values" }).getByText("France").waitFor();
  equal(await option(page, "Germany").count(), 0, "what is chosen is not suggested again");
  await button(page, "Add").click();
  equal(search(page), "?range=7d&filter=source~is~Google&filter=country~is~DE~FR");
  await settled(page);
  deepEqual(fixture.batches.at(-1)[0].filters, [
    ["source", "is", ["Google"]],
    ["country", "is", ["DE", "FR"]],
  ]);
  await focusIsOn(page, "Filter");
});

scenario("the focus goes to the button where a key opened the dialog, and where the chip that did is another one now", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  const onButton = () => page.waitForFunction(() => document.activeElement.id === "filter-button");
  await page.keyboard.press("f");
  await field(page).fill("/pricing");
  await button(page, "Add").click();
  await onButton();
  await button(page, "Edit the filter: Page is /pricing").click();
  await page.getByRole("combobox", { name: "Condition" }).selectOption("is_not");
  await button(page, "Change").click();
  await button(page, "Edit the filter: Page is not /pricing").waitFor();
  await onButton();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("f");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await onButton();
});

scenario("a part of a text is typed, and what stands in the field counts", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Filter").click();
  await page.getByRole("combobox", { name: "Condition" }).selectOption("contains_not");
  await button(page, "Add").click();
  await page.getByText("Choose or type at least one value.").waitFor();
  equal(await page.evaluate(() => document.activeElement.getAttribute("aria-invalid")), "true");
  await field(page).fill("/blog");
  await button(page, "Add").click();
  equal(search(page), "?filter=page~contains_not~/blog");
  await page.getByRole("list", { name: "Filters" }).getByText("does not contain").waitFor();
});

scenario("a chip is edited where it is clicked, and keeps its place", async ({ open }) => {
  const page = await open("/sites/demo?filter=country~is~DE~FR&filter=page~is_set&filter=property:plan~is~pro");
  await settled(page);
  await page.locator(".chip-name", { hasText: "Country" }).click({ force: true });
  await page.getByRole("heading", { name: "Edit the filter" }).waitFor();
  await page.getByRole("combobox", { name: "Condition" }).selectOption("is_not");
  await button(page, "Remove France").click();
  await field(page).fill("Austria");
  await button(page, "Change").click();
  equal(search(page), "?filter=country~is_not~DE~Austria&filter=page~is_set&filter=property:plan~is~pro");
  await button(page, "Edit the filter: Plan is pro").click();
  equal(await page.getByRole("combobox", { name: "Filter by" }).inputValue(), "property:plan", "also of what no panel has");
  await field(page).focus();
  await page.keyboard.press("Backspace");
  await field(page).fill("free");
  await page.keyboard.press("Enter");
  await button(page, "Change").click();
  equal(search(page), "?filter=country~is_not~DE~Austria&filter=page~is_set&filter=property:plan~is~free");
  await page.goBack();
  await button(page, "Edit the filter: Plan is pro").waitFor();
});

scenario("of more values than were loaded the server is asked", async ({ fixture, open }) => {
  fixture.change = (answer, query) => {
    if (query.dimensions?.[0] !== "page") return answer;
    const rows = Array.from({ length: 300 }, (_, index) => [`/p/${index}`, 300 - index]);
    const pattern = query.filters?.find(([name]) => name === "or")?.[1][0][2][0];
    return { ...answer, rows: rows.filter(([value]) => !pattern || value.includes(pattern.slice(4))).slice(0, query.limit) };
  };
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Filter").click();
  await field(page).fill("/p/299");
  await option(page, "/p/299").click();
  await button(page, "Add").click();
  equal(search(page), "?filter=page~is~/p/299");
});

const dimension = (page) => page.getByRole("combobox", { name: "Filter by" });
const operator = (page) => page.getByRole("combobox", { name: "Condition" });

scenario("every dimension can be found by its name, a property by its own, and a slip is told with what was meant", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Filter").click();
  equal(await dimension(page).getAttribute("aria-expanded"), "false", "the list of dimensions is there when it is wanted");
  await dimension(page).fill("contry");
  await option(page, "Country did you mean this?").waitFor();
  await page.keyboard.press("Escape");
  equal(await page.getByRole("dialog").count(), 1, "Escape closes the list first");
  await page.keyboard.press("Tab");
  await page.getByText("There is no dimension 'contry'. Did you mean 'Country'?").waitFor();
  equal(await dimension(page).getAttribute("aria-invalid"), "true");
  await dimension(page).fill("first so");
  await option(page, "First source First visit").click();
  await field(page).fill("Google");
  await button(page, "Add").click();
  await page.waitForURL(/filter=first_source~is~Google$/);
  await button(page, "Filter").click();
  await dimension(page).fill("price");
  await option(page, "property:price a property of events").click();
  await operator(page).selectOption("between");
  await button(page, "Add").click();
  await page.getByText("Say from which to which.").waitFor();
  await page.getByLabel("From").fill("ten");
  await page.getByLabel("To, included").fill("20.5");
  await button(page, "Add").click();
  await page.getByText("'ten' is no number; gt, lt and between compare numbers").waitFor();
  equal(search(page), "?filter=first_source~is~Google", "what the server refuses is not in the address");
  await page.getByLabel("From").fill("10");
  await button(page, "Add").click();
  await page.waitForURL(/filter=property:price~between~10~20.5$/);
  await settled(page);
  deepEqual(fixture.batches.at(-1)[0].filters, [
    ["first_source", "is", ["Google"]],
    ["property:price", "between", ["10", "20.5"]],
  ]);
  await page.getByRole("list", { name: "Filters" }).getByText("10 and 20.5").waitFor();
});

scenario("a number of each event is only compared, and a doing is one of the visitor", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Filter").click();
  await dimension(page).fill("scroll percent");
  await page.keyboard.press("Enter");
  deepEqual(await operator(page).locator("option").evaluateAll((all) => all.map(({ value }) => value)), ["gt", "lt", "between"]);
  await page.getByLabel("Value").fill("75");
  await button(page, "Add").click();
  await page.waitForURL(/filter=scroll_percent~gt~75$/);
  await button(page, "Filter").click();
  await dimension(page).fill("goal");
  await page.keyboard.press("Enter");
  await operator(page).selectOption("has_done");
  await page.getByRole("combobox", { name: "Value" }).fill("Signup");
  await button(page, "Add").click();
  await page.waitForURL(/filter=goal~has_done~Signup$/);
  await settled(page);
  await page.getByRole("list", { name: "Filters" }).getByText("once was").waitFor();
});

scenario("time is filtered by days, and only by what a time can be", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Filter").click();
  await dimension(page).fill("date");
  await page.keyboard.press("Enter");
  deepEqual(await operator(page).locator("option").evaluateAll((all) => all.map(({ value }) => value)), ["is", "is_not", "gt", "lt", "between", "has_done", "has_not_done"]);
  await operator(page).selectOption("gt");
  await page.getByLabel("Value").fill("2026-11-20");
  await button(page, "Add").click();
  await page.waitForURL(/filter=date~gt~2026-11-20$/);
});

scenario("conditions are combined in groups within groups, by keyboard, and are one filter", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=country~is~DE~FR");
  await settled(page);
  await button(page, "Edit the filter: Country is Germany or France").focus();
  await page.keyboard.press("Enter");
  await button(page, "Combine with others").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "Add a condition");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Add a condition" }).waitFor();
  await page.waitForFunction(() => document.activeElement.labels?.[0]?.textContent === "Filter by");
  await operator(page).selectOption("contains");
  await field(page).fill("/blog");
  await button(page, "Add").click();
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Edit: Page contains /blog");
  await button(page, "Add a group").click();
  const inner = page.getByRole("group", { name: "All of these hold" });
  await inner.getByRole("combobox").selectOption("not_all");
  const not = page.getByRole("group", { name: "Not all of these hold" });
  for (const [name, value] of [["browser", "Firefox"], ["os", "Linux"]]) {
    await not.getByRole("button", { name: "Add a condition" }).click();
    await addCondition(page.getByRole("dialog"), name, value);
  }
  await not.getByText("Operating system is Linux").waitFor();
  await button(page, "Change").click();
  const text = "or(country~is~DE~FR,page~contains~/blog,not(and(browser~is~Firefox,os~is~Linux)))";
  await page.waitForFunction((wanted) => decodeURIComponent(location.search).endsWith(wanted), `filter=${text}`);
  await settled(page);
  deepEqual(fixture.batches.at(-1)[0].filters, [
    ["or", [["country", "is", ["DE", "FR"]], ["page", "contains", ["/blog"]], ["not", ["and", [["browser", "is", ["Firefox"]], ["os", "is", ["Linux"]]]]]]],
  ]);
  await page.reload();
  await settled(page);
  const words = "any of: Country is Germany or France; Page contains /blog; (not all of: Browser is Firefox; Operating system is Linux)";
  await button(page, `Edit the filter: ${words}`).click();
  await button(page, "Remove the group: Not all of these hold").click();
  await focusIsOn(page, "Add a condition");
  await button(page, "Remove: Page contains /blog").click();
  await button(page, "Change").click();
  await page.waitForURL(/range=7d&filter=country~is~DE~FR$/);
  await page.goBack();
  await button(page, `Edit the filter: ${words}`).waitFor();
  await button(page, `Remove the filter: ${words}`).click();
  equal(search(page), "?range=7d");
});

scenario("what a visitor did that met several conditions together is one group: made by keyboard, shown, edited, and told where it cannot be", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  await page.keyboard.press("f");
  await operator(page).selectOption("contains");
  await field(page).fill("/blog");
  await button(page, "Combine with others").focus();
  await page.keyboard.press("Enter");
  const mode = page.getByRole("combobox", { name: "What must hold" }).first();
  deepEqual((await mode.locator("option").allTextContents()).slice(-2), ["Once all of these together", "Never all of these together"]);
  await mode.selectOption("done");
  const group = page.getByRole("group", { name: "Once all of these together" });
  await group.getByText("Of one event, or of one session").waitFor();
  await button(page, "Add a condition").click();
  await dimension(page).fill("source");
  await page.keyboard.press("Enter");
  ok(!(await operator(page).locator("option").evaluateAll((all) => all.map(({ value }) => value))).some((name) => name.startsWith("has_")), "no doing within a doing");
  await field(page).fill("Google");
  await button(page, "Add").click();
  await button(page, "Add a group").click();
  const inner = page.getByRole("combobox", { name: "What must hold" }).nth(1);
  deepEqual(await inner.locator("option").evaluateAll((all) => all.map(({ value }) => value)), ["all", "any", "none", "not_all"]);
  await button(page, "Remove the group: Any of these holds").click();
  await button(page, "Add").click();
  await page.getByRole("alert").getByText("asks for what events have, or for what sessions have, not for both").waitFor();
  equal(search(page), "?range=7d", "what the server refuses is not in the address");
  await button(page, "Remove: Source is Google").click();
  await button(page, "Add a condition").click();
  await addCondition(page.getByRole("dialog"), "country", "germany", { option: "Germany" });
  await button(page, "Add").click();
  await page.waitForFunction(() => decodeURIComponent(location.search) === "?range=7d&filter=has_done(page~contains~/blog,country~is~DE)");
  await settled(page);
  const asked = [["has_done", [["page", "contains", ["/blog"]], ["country", "is", ["DE"]]]]];
  deepEqual(fixture.batches.at(-1)[0].filters, asked);
  await page.reload();
  await settled(page);
  deepEqual(fixture.batches.at(-1)[0].filters, asked);
  equal(await page.getByRole("list", { name: "Filters" }).locator(".chip-group").innerText(), "Once together");
  await button(page, "Edit the filter: once together: Page contains /blog; Country is Germany").click();
  await mode.selectOption("not_done");
  await button(page, "Change").click();
  await page.waitForFunction(() => decodeURIComponent(location.search).endsWith("filter=has_not_done(page~contains~/blog,country~is~DE)"));
  await button(page, "Edit the filter: never together: Page contains /blog; Country is Germany").click();
  await button(page, "Remove: Page contains /blog").click();
  await button(page, "Change").click();
  await page.waitForURL(/filter=country~has_not_done~DE$/);
  await page.getByRole("list", { name: "Filters" }).getByText("never was").waitFor();
});

scenario("what the server refuses in a filter stands at it: at its chip, and in the editor at its place", async ({ open }) => {
  const wrong = "or(country~is~DE,not(page~matches~!())";
  const page = await open(`/sites/demo?filter=source~is~Google&filter=${wrong}`);
  const alert = page.locator(".chips-error");
  await alert.waitFor();
  equal(await alert.innerText(), "Page matches (: not a valid RE2 pattern: missing ): (");
  equal(await page.locator(".chip.wrong").count(), 1);
  await page.getByText("Nothing could be counted").waitFor();
  equal(await page.locator(".failure").count(), 0, "it is told once");
  await button(page, "Edit the filter: any of: Country is Germany; (none of: Page matches ()").click();
  const member = page.locator(".filter-member.wrong");
  await member.getByRole("button", { name: "Edit: Page matches (" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("not a valid RE2 pattern: missing ): (").waitFor();
  equal(await page.locator("[aria-invalid=true]").getAttribute("placeholder"), "A regular expression");
  await dimension(page).focus();
  await page.keyboard.press("Tab");
  await drawn(page);
  equal(await page.locator("[aria-invalid=true]").count(), 1, "it stays until something is changed");
  await button(page, "Remove (").click();
  await field(page).fill("^/blog");
  await button(page, "Change").click();
  await button(page, "Change").click();
  await page.waitForFunction(() => decodeURIComponent(location.search).endsWith("or(country~is~DE,not(page~matches~^/blog))"));
  await settled(page);
  equal(await alert.count(), 0);
  for (const view of ["funnel&step=page~/", "retention"]) {
    await page.goto(`/sites/demo?view=${view}&filter=goal~gt~5`);
    await alert.waitFor();
    equal(await alert.innerText(), "Goal is above 5: goals are names, not numbers");
    await page.getByText("What is wrong is marked at the filter above.").waitFor();
  }
});

const MANY = ["page~is~/blog/why-we-left-the-big-analytics-suite-and-what-we-learned", "country~is_not~DE~FR", "browser~is~Chrome", "os~is~Windows"];

scenario("filters and period stay in sight, in a fifth of the window, and nothing that has the focus is below them", async ({ open }) => {
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ]) {
    const page = await open(`/sites/demo?${[...MANY, ...MANY.map((filter) => filter.replace("is", "is_not"))].map((filter) => `filter=${filter}`).join("&")}`, { width, height });
    await settled(page);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const bar = () => page.locator(".bar-top").evaluate((element) => element.getBoundingClientRect().toJSON());
    equal((await bar()).top, 0);
    ok((await bar()).height <= height / 5, `${(await bar()).height} of ${height} px`);
    await button(page, /^Period/).click();
    const menu = await page.getByRole("menu").evaluate((list) => {
      const { left, top } = list.getBoundingClientRect();
      return list.contains(document.elementFromPoint(left + 40, top + 20));
    });
    ok(menu, "a menu opens out of it");
    await page.keyboard.press("Escape");
    await button(page, /^Keyboard shortcuts/).focus();
    for (let step = 0; step < 25; step += 1) {
      await page.keyboard.press("Shift+Tab");
      const top = await page.evaluate(() => (document.activeElement.closest(".bar-top, header") ? undefined : document.activeElement.getBoundingClientRect().top));
      ok(top === undefined || top >= (await bar()).bottom, `focus at ${top} px`);
    }
  }
  const page = await open("/sites/demo?filter=country~is~DE", { width: 640, height: 360 });
  await settled(page);
  equal(await page.locator(".bar-top").evaluate((element) => getComputedStyle(element).position), "static", "not in a low window");
});

scenario("what the address says and nobody understands is left out of it, and told once", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=2026-11-24..2026-11-01&filter=country~is~DE&filter=foo~is~<b>x&filter=page~equals~x");
  await settled(page);
  equal(search(page), "?filter=country~is~DE");
  deepEqual(fixture.batches[0][0].filters, [["country", "is", ["DE"]]]);
  equal(await page.getByRole("alert").count(), 0);
  const notice = page.getByRole("status").filter({ hasText: "it was left out" });
  deepEqual(await notice.locator("code").allInnerTexts(), ["filter=foo~is~<b>x", "filter=page~equals~x", "range=2026-11-24..2026-11-01"]);
  await notice.getByRole("button", { name: "Dismiss" }).click();
  await notice.waitFor({ state: "detached" });
  await page.reload();
  await settled(page);
  equal(await notice.count(), 0);
});
