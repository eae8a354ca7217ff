// The filter dialog: what it asks, what it suggests, and what stands in the address afterwards.
import { deepEqual, equal, ok } from "node:assert/strict";

import { settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";

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
  await page.getByRole("combobox", { name: "Filter by" }).selectOption("country");
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
  equal(await page.evaluate(() => document.activeElement.textContent), "Filter", "the focus comes back");
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
  const page = await open("/sites/demo?range=2026-11-24..2026-11-01&filter=country~is~DE&filter=foo~is~<b>x&filter=page~matches~x");
  await settled(page);
  equal(search(page), "?filter=country~is~DE");
  deepEqual(fixture.batches[0][0].filters, [["country", "is", ["DE"]]]);
  equal(await page.getByRole("alert").count(), 0);
  const notice = page.getByRole("status").filter({ hasText: "it was left out" });
  deepEqual(await notice.locator("code").allInnerTexts(), ["filter=foo~is~<b>x", "filter=page~matches~x", "range=2026-11-24..2026-11-01"]);
  await notice.getByRole("button", { name: "Dismiss" }).click();
  await notice.waitFor({ state: "detached" });
  await page.reload();
  await settled(page);
  equal(await notice.count(), 0);
});
